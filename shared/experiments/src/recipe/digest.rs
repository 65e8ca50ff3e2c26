//! The identity of weights that come from outside of a recipe.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use unstamp_data::seed::hex;
use unstamp_networks::model::weights::Arrays;

/// SHA-256 of a model's values in the order of their names: the digest that an artefact's head
/// records of its model.
///
/// # Examples
///
/// ```
/// use unstamp_experiments::recipe::WeightsDigest;
/// use unstamp_networks::model::weights::{Array, Arrays};
///
/// let array = Array { shape: vec![2], values: vec![1.0, 2.0] };
/// let digest = WeightsDigest::of(&Arrays::from([("fc.bias".to_string(), array)]));
/// assert_eq!(digest.to_string().parse(), Ok(digest.clone()));
/// assert_eq!(digest.short(), &digest.to_string()[..12]);
/// assert!("12ab".parse::<WeightsDigest>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsDigest(String);

/// A text that is no SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no SHA-256 of weights; a SHA-256 has 64 hexadecimal digits")]
pub struct DigestError(String);

impl WeightsDigest {
    /// The digest of `arrays`.
    pub fn of(arrays: &Arrays) -> Self {
        let mut hash = Sha256::new();
        for array in arrays.values() {
            hash.update(bytemuck::cast_slice::<f32, u8>(&array.values));
        }
        Self(hex(&hash.finalize()))
    }

    /// The first 12 digits, which distinguish the models of a folder.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for WeightsDigest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(DigestError(text.to_string()));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for WeightsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WeightsDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for WeightsDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unstamp_networks::model::weights::Array;

    #[test]
    fn a_digest_is_read_back() {
        let array = Array { shape: vec![2], values: vec![1.0, 2.0] };
        let digest = WeightsDigest::of(&Arrays::from([("a".to_string(), array)]));
        assert_eq!(digest.to_string().parse(), Ok(digest.clone()));
        assert_eq!(digest.short().len(), 12);
    }

    #[test]
    fn a_short_or_foreign_text_is_refused() {
        for text in ["", "abc", &"g".repeat(64), &"é".repeat(32)] {
            assert!(text.parse::<WeightsDigest>().is_err(), "{text}");
        }
    }
}

//! Artefacts of attacks, and their files.

use super::CraftContext;
use crate::recipe::WeightsDigest;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use unstamp_data::attacks::Pictures;
use unstamp_data::datasets::Split;
use unstamp_data::image::Image;
use unstamp_data::method::Values;
use unstamp_data::poison::Trigger;
use unstamp_data::seed::hex;

/// Pictures or parameters that were made for an attack, and their origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Artefact {
    /// Its origin.
    pub provenance: Provenance,
    /// Pictures by the index of the training image they stand for.
    pub pictures: Pictures,
}

/// Everything that an artefact was made from (attack, data, settings, model), and the parameters that were
/// made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Id of the attack it is for.
    pub attack: String,
    /// Id of the data set.
    pub dataset: String,
    /// SHA-256 of the training images it was made from.
    pub data: String,
    /// The attack's target class.
    pub target: usize,
    /// The attack's seed.
    pub seed: u64,
    /// The attack's parameters it was made with.
    pub set: Values,
    /// Parameters of the attack whose values were made, such as Trojan's `square`.
    pub made: Values,
    /// Measurements of its effect on the model, by name.
    pub measured: BTreeMap<String, f64>,
    /// SHA-256 of the weights it was made with.
    pub model: String,
    /// Version of the program that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Git commit that the program was built from, where the build knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// Why an artefact cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// The bytes do not have the form of an artefact.
    #[error("this is not an artefact: {0}")]
    Format(String),
    /// It is for another attack.
    #[error("the artefact is for the attack {found}, not {wanted}")]
    Attack {
        /// Attack of the artefact.
        found: String,
        /// Attack that is to be planted.
        wanted: String,
    },
    /// It was made from other training images.
    #[error("the artefact was made for other data ({0}); make one for these with unstamp craft")]
    Data(String),
    /// It is for another target class.
    #[error("the artefact was made for target {found}, not {wanted}")]
    Target {
        /// Target of the artefact.
        found: usize,
        /// Target of the attack that is to be planted.
        wanted: usize,
    },
}

/// The origin of an artefact for `trigger` that will be made in `context`, without made parameters and
/// measurements.
pub fn provenance(context: &CraftContext, trigger: &Trigger) -> Provenance {
    Provenance {
        attack: trigger.attack.method().id.to_string(),
        dataset: context.dataset.to_string(),
        data: fingerprint(context.train),
        target: trigger.target,
        seed: trigger.seed.0,
        set: trigger.values.clone(),
        made: Values::default(),
        measured: BTreeMap::new(),
        model: WeightsDigest::of(context.arrays).to_string(),
        version: None,
        commit: None,
    }
}

/// SHA-256 of images and labels, which identifies the training images of an artefact.
pub fn fingerprint(split: &Split) -> String {
    let labels: Vec<u8> = split.labels.iter().flat_map(|l| l.to_le_bytes()).collect();
    hex(&Sha256::new().chain_update(&split.pixels).chain_update(labels).finalize())
}

impl Artefact {
    /// Whether it was made from the origin `provenance`, by whatever version of the program.
    pub fn answers(&self, provenance: &Provenance) -> bool {
        let Provenance { made, measured, version, commit, .. } = self.provenance.clone();
        self.provenance == Provenance { made, measured, version, commit, ..provenance.clone() }
    }

    /// Checks that the artefact is for this attack, target class and data set.
    ///
    /// # Errors
    ///
    /// [`ArtefactError`] names what differs.
    pub fn check(&self, attack: &str, target: usize, data: &str) -> Result<(), ArtefactError> {
        if self.provenance.attack != attack {
            let found = self.provenance.attack.clone();
            return Err(ArtefactError::Attack { found, wanted: attack.to_string() });
        }
        if self.provenance.data != data {
            return Err(ArtefactError::Data(self.provenance.dataset.clone()));
        }
        if self.provenance.target != target {
            return Err(ArtefactError::Target { found: self.provenance.target, wanted: target });
        }
        Ok(())
    }

    /// A safetensors file with `pictures [n, height, width, 3]` in bytes, `index [n]`, and the origin
    /// as JSON under the key `unstamp`.
    ///
    /// # Panics
    ///
    /// If the pictures differ in size.
    pub fn to_bytes(&self) -> Vec<u8> {
        let first = self.pictures.values().next();
        let height = first.map_or(0, |image| image.height);
        let width = first.map_or(0, |image| image.width);
        let pixels: Vec<u8> =
            self.pictures.values().flat_map(|image| image.pixels.iter().copied()).collect();
        let index: Vec<u8> = self.pictures.keys().flat_map(|i| (*i as u64).to_le_bytes()).collect();
        let count = self.pictures.len();
        let view = |dtype, shape, bytes| {
            TensorView::new(dtype, shape, bytes).expect("shape and bytes agree")
        };
        let views = [
            ("index", view(Dtype::U64, vec![count], &index[..])),
            ("pictures", view(Dtype::U8, vec![count, height, width, 3], &pixels[..])),
        ];
        let json = serde_json::to_string(&self.provenance).expect("a provenance is plain data");
        let header = [("unstamp".to_string(), json)].into_iter().collect();
        serialize(views, Some(header)).expect("views are sound")
    }

    /// Reads what [`Artefact::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`ArtefactError::Format`] if the bytes have another form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArtefactError> {
        let wrong = |e: &dyn std::fmt::Display| ArtefactError::Format(e.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| wrong(&e))?;
        let json = header.metadata().as_ref().and_then(|m| m.get("unstamp"));
        let json = json.ok_or_else(|| wrong(&"it does not say what it is for"))?;
        let provenance = serde_json::from_str(json).map_err(|e| wrong(&e))?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| wrong(&e))?;
        let tensor = |name| file.tensor(name).map_err(|e| wrong(&e));
        let index = tensor("index")?;
        let pictures = tensor("pictures")?;
        let &[count, height, width, 3] = pictures.shape() else {
            return Err(wrong(&"its pictures have an unknown shape"));
        };
        if (pictures.dtype(), index.dtype()) != (Dtype::U8, Dtype::U64) || index.shape() != [count]
        {
            return Err(wrong(&"its pictures have an unknown form"));
        }
        // Without pictures, width and height may be any numbers.
        let stride = 3usize.checked_mul(width).and_then(|row| row.checked_mul(height));
        let stride = stride.ok_or_else(|| wrong(&"its pictures are too large"))?.max(1);
        let numbers = index.data().as_chunks().0.iter().map(|b| u64::from_le_bytes(*b) as usize);
        let images = pictures.data().chunks_exact(stride).map(|pixels| Image {
            width,
            height,
            pixels: pixels.to_vec(),
        });
        Ok(Self { provenance, pictures: numbers.zip(images).collect() })
    }
}

//! Weights that are written and read again are the same to the bit.

use crate::config;
use crate::drawn::arrays;
use proptest::collection::vec;
use proptest::num::f32::ANY;
use proptest::prelude::*;
use unstamp_shared::model::weights::{Array, Arrays, Precision, from_bytes, to_bytes};

fn bits(arrays: &Arrays) -> Vec<(&String, &Vec<usize>, Vec<u32>)> {
    let of = |array: &Array| array.values.iter().map(|v| v.to_bits()).collect();
    arrays.iter().map(|(name, array)| (name, &array.shape, of(array))).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn full_precision_keeps_every_bit(arrays in arrays(ANY), head in "\\PC*") {
        let bytes = to_bytes(&arrays, Precision::F32, &head);
        let (read, said) = from_bytes::<String>(&bytes).expect("what is written is sound");
        prop_assert_eq!(bits(&read), bits(&arrays));
        prop_assert_eq!(said, Some(head));
    }

    /// Values that were rounded once stay the same when they are written and read again.
    #[test]
    fn half_precision_rounds_once(arrays in arrays(ANY)) {
        let read = |arrays: &Arrays| {
            from_bytes::<()>(&to_bytes(arrays, Precision::F16, &())).expect("sound").0
        };
        let once = read(&arrays);
        let twice = read(&once);
        prop_assert_eq!(bits(&twice), bits(&once));
        for (name, array) in &arrays {
            for (found, wanted) in once[name].values.iter().zip(&array.values) {
                // Numbers of the range of half precision keep eleven bits.
                let usual = wanted.abs() > 1e-4 && wanted.abs() < 6e4;
                prop_assert!(!usual || (found - wanted).abs() <= wanted.abs() / 2048.0);
            }
        }
    }

    /// A file of any bytes is weights or an error.
    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = from_bytes::<()>(&bytes);
    }
}

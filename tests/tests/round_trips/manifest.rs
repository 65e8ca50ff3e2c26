//! The list of models survives its file.

use crate::config;
use crate::drawn_records::model_entry;
use proptest::collection::vec;
use proptest::prelude::*;
use unstamp_shared::manifest::Manifest;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_manifest_survives_its_file(schema in any::<u32>(), models in vec(model_entry(), 0..4)) {
        let manifest = Manifest { schema, models };
        let json = serde_json::to_string(&manifest).expect("plain data");
        let read: Manifest = serde_json::from_str(&json).expect("what is written is sound");
        prop_assert_eq!(read, manifest);
    }
}

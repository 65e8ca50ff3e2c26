//! An artefact survives its file.

use crate::config;
use crate::drawn_records::provenance;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use unstamp_shared::attacks::Pictures;
use unstamp_shared::craft::Artefact;
use unstamp_shared::image::Image;

/// Pictures of one size.
fn pictures() -> impl Strategy<Value = Pictures> {
    (1usize..5, 1usize..5).prop_flat_map(|(width, height)| {
        let image = vec(any::<u8>(), 3 * width * height).prop_map(move |pixels| Image {
            width,
            height,
            pixels,
        });
        btree_map(any::<usize>(), image, 0..5)
    })
}

fn artefact() -> impl Strategy<Value = Artefact> {
    (provenance(), pictures()).prop_map(|(provenance, pictures)| Artefact { provenance, pictures })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_artefact_survives_its_file(artefact in artefact()) {
        let read = Artefact::from_bytes(&artefact.to_bytes()).expect("what is written is sound");
        prop_assert_eq!(read, artefact);
    }

    #[test]
    fn no_damaged_byte_panics(
        artefact in artefact(),
        place in any::<Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = artefact.to_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = Artefact::from_bytes(&bytes);
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Artefact::from_bytes(&bytes);
    }
}

//! What the page takes from links, files and its host.

use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::manifest::Manifest;
use unstamp_shared::seed::Seed;
use unstamp_web::png;
use unstamp_web::state::State;

/// The part of an address that holds the choices of a visitor. The trigger is put on an image.
pub fn link(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (state, _) = State::read(text);
    assert!(state.trigger().is_ok(), "a link gives a trigger that can be used");
    let (image, _) = signs::draw(Seed(0), SplitName::Test, state.image);
    let _ = state.shown(&image);
    let (again, refused) = State::read(&state.to_hash());
    assert!(refused.is_empty(), "{refused:?} is refused in a link that the page wrote");
    assert_eq!(again, state, "the page reads what it wrote");
}

/// A file of a painted trigger.
pub fn painted(bytes: &[u8]) {
    if let Ok(pixels) = png::read(bytes) {
        assert_eq!(pixels.len(), signs::SIZE * signs::SIZE, "every pixel is there");
    }
}

/// The list of models of a site.
pub fn manifest(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Manifest>(bytes);
}

//! Natively: an implementation that answers one line with one measurement. In a page: exports.

#[cfg(not(target_family = "wasm"))]
mod line;
#[cfg(target_family = "wasm")]
mod page;

fn main() {
    #[cfg(not(target_family = "wasm"))]
    rayon::scope(|_| line::serve());
}

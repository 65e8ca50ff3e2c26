//! Every text that a visitor reads, with three exceptions. Titles, summaries and the help of parameters
//! come from the lists of attacks, defences and models. Names of phases and of parts of a loss come
//! from the defences. `index.html` and `boot.js` show two sentences before this program runs.
//!
//! Each file holds the texts of one part of the page. A constant whose name ends in `_HELP` appears while
//! the pointer is over the element.

mod engines;
mod fires;
mod image;
mod layout;
mod palette;
pub mod png;
mod row;
mod words;

pub use engines::*;
pub use fires::*;
pub use image::*;
pub use layout::*;
pub use palette::*;
pub use row::*;
pub use words::*;

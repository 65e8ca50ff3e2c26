//! Generated text inside of written documents.

use super::markdown;
use crate::files;
use anyhow::{Context, Result};
use std::path::Path;
use unstamp_shared::result::CellResult;

/// The mark behind a generated part of a document.
const END: &str = "<!-- end -->";

/// `document` with `text` between the lines `<!-- name -->` and `<!-- end -->`.
///
/// # Errors
/// The document lacks one of the two marks.
pub fn between_marks(document: &str, name: &str, text: &str) -> Result<String> {
    let mark = format!("<!-- {name} -->\n");
    let (before, rest) = document.split_once(&mark).with_context(|| {
        format!("there is no line {}; write it and a line {END} where the text goes", mark.trim())
    })?;
    let (_, after) = rest.split_once(END).with_context(|| {
        format!("the text after {} has no end; write a line {END}", mark.trim())
    })?;
    Ok(format!("{before}{mark}\n{}\n\n{END}{after}", text.trim_end()))
}

/// `document` with the results' table between `<!-- table RECIPE -->` and `<!-- end -->`.
///
/// # Errors
/// The document lacks one of the two marks.
///
/// # Panics
/// If `results` is empty.
pub fn placed(document: &str, results: &[CellResult]) -> Result<String> {
    between_marks(document, &format!("table {}", results[0].recipe), &markdown(results))
}

/// Replaces the text of a document by what `place` makes of it.
///
/// # Errors
/// The document cannot be read or written, or `place` fails; then nothing is changed.
pub fn rewrite(document: &Path, place: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let text = place(&files::text(document)?)
        .with_context(|| format!("nothing is changed in {}", document.display()))?;
    files::write(document, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_marks_changes() {
        let document = "before\n<!-- a -->\nold\n<!-- end -->\nafter\n";
        let expected = "before\n<!-- a -->\n\nnew\n\n<!-- end -->\nafter\n";
        assert_eq!(between_marks(document, "a", "new\n").expect("marks"), expected);
    }

    #[test]
    fn a_missing_mark_is_named() {
        let fault = |document| between_marks(document, "a", "").expect_err("no mark").to_string();
        assert!(fault("text").starts_with("there is no line <!-- a -->"));
        assert!(fault("<!-- a -->\ntext").starts_with("the text after <!-- a --> has no end"));
    }
}

//! The table of claims as Markdown.

use super::{Bound, Finding, Sample, Verdict};
use crate::table::between_marks;
use anyhow::Result;
use std::fmt::{self, Display, Write};

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "**does not**",
            Self::Untested => "untested",
        })
    }
}

impl Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "mean at most {most}"),
            Self::AtLeast(least) => write!(f, "mean at least {least}"),
            Self::AllAtMost(most) => write!(f, "all at most {most}"),
            Self::AllAtLeast(least) => write!(f, "all at least {least}"),
        }
    }
}

/// `3.2 (1.0 to 5.0), n = 6`: mean, range and number of values.
fn measured(sample: &Sample) -> String {
    let mean = match sample.values.len() {
        0 => return "-".to_string(),
        1 => format!("{:.1}", sample.mean()),
        n => {
            let (least, greatest) = (sample.least(), sample.greatest());
            format!("{:.1} ({least:.1} to {greatest:.1}), n = {n}", sample.mean())
        }
    };
    if sample.missing.is_empty() {
        return mean;
    }
    format!("{mean}; missing: {}", sample.missing.join(", "))
}

/// How many claims hold, then a row for each claim.
pub fn markdown(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let mut text = format!(
        "{} claims: {} hold, {} do not, {} are untested.\n\n",
        findings.len(),
        count(Verdict::Holds),
        count(Verdict::DoesNotHold),
        count(Verdict::Untested)
    );
    text += "| paper | claim | paper's figure | ours | recipe | holds if | verdict |\n|---|---|---|---|---|---|---|\n";
    for Finding { claim, sample, verdict } in findings {
        let bound = claim.holds.map_or("-".to_string(), |bound| bound.to_string());
        let recipe = claim.measure.as_ref().map_or("-".to_string(), |m| format!("`{}`", m.recipe));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {recipe} | {bound} | {verdict} |",
            claim.place,
            claim.says,
            claim.figure,
            measured(sample)
        );
    }
    text
}

/// `document` with the table between `<!-- claims -->` and `<!-- end -->`.
///
/// # Errors
/// The document lacks one of the two marks.
pub fn placed(document: &str, findings: &[Finding]) -> Result<String> {
    between_marks(document, "claims", &markdown(findings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Claims;

    #[test]
    fn a_row_shows_values_and_verdict() {
        let text = "[[claim]]\nplace = \"NAD\"\nsays = \"NAD erases\"\nfigure = \"7.22\"\n";
        let claims = Claims::parse(text).expect("sound");
        let sample = Sample { values: vec![1.0, 2.0], missing: vec!["sig".to_string()] };
        let finding = Finding { claim: &claims.claims[0], sample, verdict: Verdict::Untested };
        let text = markdown(&[finding]);
        assert!(text.starts_with("1 claims: 0 hold, 0 do not, 1 are untested."), "{text}");
        let row = "| NAD | NAD erases | 7.22 | 1.5 (1.0 to 2.0), n = 2; missing: sig | - | - | untested |";
        assert!(text.contains(row), "{text}");
    }

    #[test]
    fn nothing_measured_is_a_dash() {
        assert_eq!(measured(&Sample::default()), "-");
        assert_eq!(measured(&Sample { values: vec![4.04], missing: vec![] }), "4.0");
    }
}

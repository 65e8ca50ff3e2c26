//! The files that a loader skipped.

use std::collections::BTreeMap;
use std::fmt;

/// Why a file was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A component of its path begins with a dot or is `__MACOSX`.
    Hidden,
    /// Its name is of no kind that the loader reads.
    Kind,
    /// It lies outside the folders of the layout.
    Outside,
    /// No list names it.
    Unlisted,
    /// The data set is there in another form as well.
    OtherForm,
    /// A link leads back to a folder above it.
    Loop,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hidden => "hidden",
            Self::Kind => "of no kind that is read here",
            Self::Outside => "outside the folders of the splits",
            Self::Unlisted => "named by no list",
            Self::OtherForm => "of another form of the data set",
            Self::Loop => "a link back to a folder above it",
        })
    }
}

/// Numbers of skipped files, with the first name for each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped(BTreeMap<Reason, (usize, String)>);

impl Skipped {
    /// Counts a file.
    pub fn add(&mut self, reason: Reason, name: &str) {
        self.0.entry(reason).or_insert_with(|| (0, name.to_string())).0 += 1;
    }

    /// Adds the counts of `other`.
    pub fn extend(&mut self, other: Skipped) {
        for (reason, (count, name)) in other.0 {
            self.0.entry(reason).or_insert((0, name)).0 += count;
        }
    }

    /// Number of files skipped for a reason.
    pub fn count(&self, reason: Reason) -> usize {
        self.0.get(&reason).map_or(0, |(count, _)| *count)
    }

    /// One line for each reason.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(reason, (count, name))| {
            let files = if *count == 1 { "file" } else { "files" };
            format!("{count} {files} skipped ({reason}); the first is {name}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_and_the_first_is_named() {
        let mut skipped = Skipped::default();
        skipped.add(Reason::Hidden, ".DS_Store");
        skipped.add(Reason::Hidden, "train/.DS_Store");
        let mut other = Skipped::default();
        other.add(Reason::Hidden, "test/.DS_Store");
        other.add(Reason::Kind, "notes.txt");
        skipped.extend(other);
        assert_eq!(skipped.count(Reason::Hidden), 3);
        assert_eq!(skipped.count(Reason::Loop), 0);
        let lines: Vec<String> = skipped.lines().collect();
        assert_eq!(
            lines,
            [
                "3 files skipped (hidden); the first is .DS_Store",
                "1 file skipped (of no kind that is read here); the first is notes.txt",
            ]
        );
    }
}

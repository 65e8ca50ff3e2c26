//! The lists of GTSRB: CSV files with a row for each picture.

use super::super::archive::Entry;
use super::super::error::DataError;
use serde::Deserialize;
use unstamp_shared::datasets::{SplitName, gtsrb};

/// Whether a file's name is that of a list.
pub(super) fn is_list(name: &str) -> bool {
    name.to_lowercase().ends_with(".csv")
}

/// A row of a list. The region of interest is inclusive at both ends, in pixels of the file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Row {
    /// Name or path of the picture.
    #[serde(alias = "Path")]
    pub filename: String,
    /// First column of the region.
    #[serde(rename = "Roi.X1")]
    pub x1: usize,
    /// First row of the region.
    #[serde(rename = "Roi.Y1")]
    pub y1: usize,
    /// Last column of the region.
    #[serde(rename = "Roi.X2")]
    pub x2: usize,
    /// Last row of the region.
    #[serde(rename = "Roi.Y2")]
    pub y2: usize,
    /// Class of the picture.
    pub class_id: u16,
}

/// The columns that a list with answers has. The test pictures come with a second list, without
/// answers, and Kaggle's set with one of the classes' own signs; both are no lists here.
const COLUMNS: [&str; 2] = ["ClassId", "Roi.X1"];

/// The split of a list: from its own name (`GT-00012.csv`, `GT-final_test.csv`, `Train.csv`), or
/// from the folders above it.
pub(super) fn split_of(list: &str) -> Option<SplitName> {
    let list = list.to_lowercase();
    let parts: Vec<&str> = list.trim_end_matches(".csv").split('/').collect();
    parts.iter().rev().find_map(|part| match *part {
        "gt-final_test" | "test" | "final_test" => Some(SplitName::Test),
        "train" | "training" | "final_training" => Some(SplitName::Train),
        part => {
            let number = part.strip_prefix("gt-")?;
            number.bytes().all(|b| b.is_ascii_digit()).then_some(SplitName::Train)
        }
    })
}

/// The rows of a list, or `None` if the file is no list with answers.
pub(super) fn rows_of(list: &Entry) -> Result<Option<Vec<Row>>, DataError> {
    let broken =
        |error: csv::Error| DataError::File { name: list.name.clone(), error: error.into() };
    let head = list.bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let delimiter = if head.contains(&b';') { b';' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).from_reader(list.bytes.as_slice());
    let head = reader.headers().map_err(broken)?;
    if COLUMNS.iter().any(|needed| head.iter().all(|column| column != *needed)) {
        return Ok(None);
    }
    let mut rows = Vec::new();
    for row in reader.deserialize() {
        let row: Row = row.map_err(broken)?;
        let last = gtsrb::CLASSES.len() - 1;
        if usize::from(row.class_id) > last {
            let name = format!("{}, {}", list.name, row.filename);
            return Err(DataError::Label { name, label: row.class_id.into(), last });
        }
        rows.push(row);
    }
    Ok(Some(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_follows_from_the_name_or_the_folders() {
        for (list, split) in [
            ("Final_Training/Images/00012/GT-00012.csv", Some(SplitName::Train)),
            ("Final_Test/GT-final_test.csv", Some(SplitName::Test)),
            ("gtsrb/GT-FINAL_TEST.CSV", Some(SplitName::Test)),
            ("Train.csv", Some(SplitName::Train)),
            ("test/answers.csv", Some(SplitName::Test)),
            ("answers.csv", None),
        ] {
            assert_eq!(split_of(list), split, "{list}");
        }
    }

    #[test]
    fn a_list_without_answers_is_none() {
        let list = |head: &str| Entry {
            name: "x.csv".to_string(),
            bytes: format!("{head}\n").into_bytes(),
        };
        let without = list("Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2");
        assert!(rows_of(&without).expect("a list").is_none());
        let signs = list("Path,ClassId,ShapeId,ColorId,SignId");
        assert!(rows_of(&signs).expect("a list").is_none());
        let with = list("Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId");
        assert_eq!(rows_of(&with).expect("a list").expect("answers").len(), 0);
    }
}

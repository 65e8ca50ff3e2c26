//! The pictures of GTSRB by name.

use crate::data::archive::{Entry, Files};
use crate::data::error::DataError;
use crate::data::fault::Fault;
use crate::data::picture::is_picture;
use std::collections::BTreeMap;
use unstamp_shared::datasets::SplitName;

/// Pictures by their names in lower case.
pub(super) struct Pictures<'a>(pub BTreeMap<String, &'a Entry>);

impl<'a> Pictures<'a> {
    pub fn new(files: &'a Files) -> Self {
        let pictures = files.entries.iter().filter(|entry| is_picture(&entry.name));
        Self(pictures.map(|entry| (entry.name.to_lowercase(), entry)).collect())
    }

    /// The picture that a list names: beside the list, in `Images` beside it, or, because the test
    /// list is an archive of its own, in the folder of test pictures wherever that lies.
    pub fn named(&self, list: &str, file: &str, split: SplitName) -> Result<&'a Entry, DataError> {
        let folder = list.rsplit_once('/').map_or("", |(folder, _)| folder);
        let file = file.replace('\\', "/").to_lowercase();
        for beside in [format!("{folder}/{file}"), format!("{folder}/images/{file}")] {
            let beside = beside.to_lowercase();
            if let Some(entry) = self.0.get(beside.trim_start_matches('/')) {
                return Ok(entry);
            }
        }
        let endings = [format!("final_test/images/{file}"), format!("test/{file}")];
        let elsewhere = self.0.iter().find(|(name, _)| {
            split == SplitName::Test
                && endings.iter().any(|e| *name == e || name.ends_with(&format!("/{e}")))
        });
        elsewhere.map(|(_, entry)| *entry).ok_or_else(|| DataError::File {
            name: list.to_string(),
            error: Fault::NoPicture(file),
        })
    }
}

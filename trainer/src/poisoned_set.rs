//! A poisoned training set as files, for other frameworks.

use crate::data::{Dataset, write_png};
use crate::{files, usage};
use anyhow::Result;
use std::path::Path;
use unstamp_shared::poison::{Trigger, poison, select};
use unstamp_shared::recipe::Victim;

/// Writes the training set of `victim` as class folders of PNGs, and `poisoned.csv` with index,
/// original label, new label and file of every image. Returns how many images are poisoned.
///
/// # Errors
/// The poisoning rate does not fit the data, or a file cannot be written.
pub fn write_poisoned_set(
    data: &Dataset,
    trigger: &Trigger,
    victim: &Victim,
    out: &Path,
) -> Result<usize> {
    let rate = victim.rate.unwrap_or_default();
    let labels = &data.train.labels;
    let chosen = select(labels, trigger, rate, victim.rate_of, victim.draw).map_err(usage)?;
    let split = poison(&data.train, trigger, &chosen).map_err(usage)?;
    let mut list = csv::Writer::from_writer(Vec::new());
    list.write_record(["index", "original_label", "new_label", "poisoned", "file"])?;
    for (i, (original, new)) in labels.iter().zip(&split.labels).enumerate() {
        let class = &data.class_names[usize::from(*new)];
        let file = format!("train/{class}/{i:06}.png");
        write_png(&out.join(&file), &split.image(i))?;
        let poisoned = u8::from(chosen.binary_search(&i).is_ok());
        list.write_record([
            i.to_string(),
            original.to_string(),
            new.to_string(),
            poisoned.to_string(),
            file,
        ])?;
    }
    files::write(&out.join("poisoned.csv"), &list.into_inner()?)?;
    Ok(chosen.len())
}

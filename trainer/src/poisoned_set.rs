//! A poisoned data set as files, for other frameworks.

use crate::data::{Dataset, write_png};
use crate::{files, usage};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use unstamp_shared::image::Image;
use unstamp_shared::poison::{Trigger, poison, select};
use unstamp_shared::recipe::Victim;

/// How many images bear the trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Poisoned training images.
    pub poisoned: usize,
    /// Test images with the trigger: those of classes for which the attack wants another label.
    pub triggered: usize,
}

/// Class folders of PNGs, and lists of the images in them.
struct Writer<'a> {
    out: &'a Path,
    class_names: &'a [String],
}

/// A list with index, original label, new label, whether it is poisoned, and file of every image.
type List = csv::Writer<Vec<u8>>;

/// An empty list with its head line.
fn new_list() -> Result<List> {
    let mut list = csv::Writer::from_writer(Vec::new());
    list.write_record(["index", "original_label", "new_label", "poisoned", "file"])?;
    Ok(list)
}

impl Writer<'_> {
    /// Writes `FOLDER/CLASS/INDEX.png` and returns its name.
    fn image(&self, folder: &str, class: u16, index: usize, image: &Image) -> Result<String> {
        let class = &self.class_names[usize::from(class)];
        let file = format!("{folder}/{class}/{index:06}.png");
        write_png(&self.out.join(&file), image)?;
        Ok(file)
    }

    fn finish(&self, list: List, name: &str) -> Result<()> {
        files::write(&self.out.join(name), &list.into_inner()?)
    }
}

/// Writes the poisoned training set of `victim` in `train/CLASS`, the clean test set in `test/CLASS`, and
/// the test images with the trigger in `triggered/CLASS`. The folder of a training image is its new label,
/// that of a test image its true class. `poisoned.csv` and `triggered.csv` list index, original label, new
/// label, 1 if it is poisoned, and file. What is written can be read as a data set again. It is written to `OUT.part`,
/// which becomes `out` at the end: a program that was killed leaves no set with fewer images.
///
/// # Errors
/// The poisoning rate does not fit the data, `out` is there already and is not empty, or a file cannot be written.
pub fn write_poisoned_set(
    data: &Dataset,
    trigger: &Trigger,
    victim: &Victim,
    out: &Path,
) -> Result<Written> {
    ensure!(
        std::fs::read_dir(out).map_or(!out.exists(), |mut files| files.next().is_none()),
        "{} is there already; name another folder with --out",
        out.display()
    );
    let part = files::part_of(out);
    // What a killed program left.
    std::fs::remove_dir_all(&part).ok();
    let writer = Writer { out: &part, class_names: &data.class_names };
    let written = write_all(data, trigger, victim, &writer)?;
    // An empty folder may be there.
    std::fs::remove_dir(out).ok();
    std::fs::rename(&part, out)
        .with_context(|| format!("cannot rename {} to {}", part.display(), out.display()))?;
    Ok(written)
}

fn write_all(
    data: &Dataset,
    trigger: &Trigger,
    victim: &Victim,
    writer: &Writer<'_>,
) -> Result<Written> {
    let poisoned = write_train(data, trigger, victim, writer)?;
    for (index, label) in data.test.labels.iter().enumerate() {
        writer.image("test", *label, index, &data.test.image(index))?;
    }
    let triggered = write_triggered(data, trigger, writer)?;
    Ok(Written { poisoned, triggered })
}

fn write_train(
    data: &Dataset,
    trigger: &Trigger,
    victim: &Victim,
    writer: &Writer<'_>,
) -> Result<usize> {
    let rate = victim.rate.unwrap_or_default();
    let labels = &data.train.labels;
    let chosen = select(labels, trigger, rate, victim.rate_of, victim.draw).map_err(usage)?;
    let split = poison(&data.train, trigger, &chosen).map_err(usage)?;
    let mut list = new_list()?;
    for (i, (original, new)) in labels.iter().zip(&split.labels).enumerate() {
        let file = writer.image("train", *new, i, &split.image(i))?;
        let poisoned = u8::from(chosen.binary_search(&i).is_ok());
        list.serialize((i, original, new, poisoned, file))?;
    }
    writer.finish(list, "poisoned.csv")?;
    Ok(chosen.len())
}

fn write_triggered(data: &Dataset, trigger: &Trigger, writer: &Writer<'_>) -> Result<usize> {
    let mut list = new_list()?;
    let mut count = 0;
    for (i, label) in data.test.labels.iter().enumerate() {
        let wanted = trigger.wanted(usize::from(*label));
        if wanted == usize::from(*label) {
            continue;
        }
        let mut image = data.test.image(i);
        trigger.stamp(&mut image, i);
        let file = writer.image("triggered", *label, i, &image)?;
        list.serialize((i, label, wanted, 1, file))?;
        count += 1;
    }
    writer.finish(list, "triggered.csv")?;
    Ok(count)
}

//! GTSRB in its official layout: per-class folders with lists for training, one list for testing.

use super::archive::{self, Entry};
use super::picture::{read_picture, resized};
use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use unstamp_shared::datasets::Split;
use unstamp_shared::image::Image;

const SIZE: (usize, usize) = (32, 32);

/// A row of a list: region of interest inclusive at both ends, in pixels of the file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    filename: String,
    #[serde(rename = "Roi.X1")]
    x1: usize,
    #[serde(rename = "Roi.Y1")]
    y1: usize,
    #[serde(rename = "Roi.X2")]
    x2: usize,
    #[serde(rename = "Roi.Y2")]
    y2: usize,
    class_id: u16,
}

/// Loads both splits; every sign is cut to its region of interest, then resized.
pub fn load(path: &Path) -> Result<(Split, Split)> {
    let entries = archive::files(path, |name| name.ends_with(".ppm") || name.ends_with(".csv"))?;
    let read = |part: &str| split(&entries, part).with_context(|| format!("in {}", path.display()));
    let (train, test) = (read("Final_Training")?, read("Final_Test")?);
    ensure!(
        !train.is_empty() && !test.is_empty(),
        "{} holds no Final_Training and Final_Test with their CSV lists",
        path.display()
    );
    Ok((train, test))
}

fn split(entries: &[Entry], part: &str) -> Result<Split> {
    let ours = || entries.iter().filter(|(name, _)| name.contains(part));
    let pictures: HashMap<&str, &[u8]> = ours()
        .filter(|(n, _)| n.ends_with(".ppm"))
        .map(|(n, b)| (n.as_str(), b.as_slice()))
        .collect();
    let mut rows = Vec::new();
    for (list, bytes) in ours().filter(|(name, _)| name.ends_with(".csv")) {
        let folder = list.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(bytes.as_slice());
        let head = reader.headers().with_context(|| format!("{list} is broken"))?;
        if !head.iter().any(|column| column == "ClassId") {
            continue; // the test pictures come with a second list that keeps the answers back
        }
        for row in reader.deserialize() {
            let row: Row = row.with_context(|| format!("{list} is broken"))?;
            ensure!(
                row.class_id < 43,
                "{list}: class {} of {} is not below 43",
                row.class_id,
                row.filename
            );
            let name = format!("{folder}/{}", row.filename);
            // The test list lies beside the pictures or one folder up.
            let beside = [name.clone(), format!("{folder}/Images/{}", row.filename)];
            let bytes = beside.iter().find_map(|n| pictures.get(n.trim_start_matches('/')));
            rows.push((
                name,
                *bytes
                    .with_context(|| format!("{list} names {}, which is missing", row.filename))?,
                row,
            ));
        }
    }
    let images = rows.par_iter().map(|(name, bytes, row)| {
        let image = read_picture(bytes).with_context(|| format!("{name} cannot be decoded"))?;
        Ok((resized(crop(&image, row), SIZE), row.class_id))
    });
    let mut split = Split { width: SIZE.0, height: SIZE.1, ..Split::default() };
    for (image, label) in images.collect::<Result<Vec<_>>>()? {
        split.push(&image, label);
    }
    Ok(split)
}

fn crop(image: &Image, row: &Row) -> Image {
    let (x2, y2) = (row.x2.min(image.width - 1), row.y2.min(image.height - 1));
    let (x1, y1) = (row.x1.min(x2), row.y1.min(y2));
    let mut cut = Image::new(x2 - x1 + 1, y2 - y1 + 1);
    for y in y1..=y2 {
        for x in x1..=x2 {
            cut.set(x - x1, y - y1, image.get(x, y));
        }
    }
    cut
}

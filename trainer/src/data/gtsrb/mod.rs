//! GTSRB, the [German Traffic Sign Recognition
//! Benchmark](https://benchmark.ini.rub.de/gtsrb_news.html), in the layouts of the official archives, of
//! torchvision, of other projects and of Kaggle.
//!
//! A *list* is a CSV file with a row for each picture: its name, the region of interest and the
//! class. The official lists separate columns by `;` and name pictures by `Filename`, Kaggle's by
//! `,` and `Path`. Lists decide what is loaded, so folders may have any names; names are compared
//! without regard to case.

mod list;
mod pictures;

use super::archive::{self, Entry, Files};
use super::error::DataError;
use super::fetch::Download;
use super::picture::{is_picture, read_picture, resized};
use super::skipped::{Reason, Skipped};
use super::{Loaded, Loader, given, names};
use list::{Row, is_list, rows_of, split_of};
use pictures::Pictures;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use unstamp_shared::datasets::{DatasetInfo, Split, SplitName, gtsrb};
use unstamp_shared::image::Image;

/// Where the official archives lie.
const ADDRESS: &str = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/";

/// Loads pictures that lists name; each is cut to its region of interest, then resized.
pub(super) struct Gtsrb;

impl Loader for Gtsrb {
    fn info(&self) -> &'static DatasetInfo {
        &gtsrb::INFO
    }

    fn load(&self, path: Option<&Path>, size: (usize, usize)) -> Result<Loaded, DataError> {
        let path = given(path, self.info())?;
        let files = archive::files(path, &|name| is_list(name) || is_picture(name))?;
        read(&path.display().to_string(), &files, size)
    }

    fn downloads(&self) -> Vec<Download> {
        let files = [
            "GTSRB_Final_Training_Images.zip",
            "GTSRB_Final_Test_Images.zip",
            "GTSRB_Final_Test_GT.zip",
        ];
        let download = |file| Download { url: format!("{ADDRESS}{file}"), file, sha256: None };
        files.map(download).to_vec()
    }
}

/// A picture that a list names.
struct Chosen<'a> {
    split: SplitName,
    picture: &'a Entry,
    row: Row,
}

fn read(path: &str, files: &Files, size: (usize, usize)) -> Result<Loaded, DataError> {
    let pictures = Pictures::new(files);
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut listed: BTreeSet<&str> = BTreeSet::new();
    let mut chosen: Vec<Chosen> = Vec::new();
    let mut skipped = files.skipped.clone();
    for list in files.entries.iter().filter(|entry| is_list(&entry.name)) {
        let Some(rows) = rows_of(list)? else { continue };
        let Some(split) = split_of(&list.name) else {
            skipped.add(Reason::Outside, &list.name);
            continue;
        };
        let base = list.name.rsplit('/').next().unwrap_or(&list.name).to_lowercase();
        if let Some(first) = seen.insert(base, &list.name) {
            let name = format!("a list ({first} and {})", list.name);
            return Err(DataError::Twice { path: path.to_string(), name });
        }
        for row in rows {
            let picture = pictures.named(&list.name, &row.filename, split)?;
            if !listed.insert(&picture.name) {
                let name = format!("{} in its lists", picture.name);
                return Err(DataError::Twice { path: path.to_string(), name });
            }
            chosen.push(Chosen { split, picture, row });
        }
    }
    for (split, what) in [
        (SplitName::Train, "training list (GT-00000.csv to GT-00042.csv, or Train.csv)"),
        (SplitName::Test, "test list (GT-final_test.csv or Test.csv)"),
    ] {
        if chosen.iter().all(|one| one.split != split) {
            return Err(DataError::Missing {
                path: path.to_string(),
                what: what.to_string(),
                next: "give the folder of the three official archives, packed or unpacked".into(),
            });
        }
    }
    note_unlisted(&pictures, &chosen, &mut skipped);
    let images = decode(&chosen, size)?;
    let of = |name: SplitName| {
        let split = images.iter().zip(&chosen).filter(|(_, chosen)| chosen.split == name);
        Split::from_images(size.0, size.1, split.map(|(image, _)| image))
    };
    Ok(Loaded {
        class_names: names(&gtsrb::INFO),
        train: of(SplitName::Train),
        test: of(SplitName::Test),
        skipped,
    })
}

/// Counts the pictures that no list names.
fn note_unlisted(pictures: &Pictures, chosen: &[Chosen], skipped: &mut Skipped) {
    let used: BTreeSet<&str> = chosen.iter().map(|one| one.picture.name.as_str()).collect();
    for entry in pictures.0.values().filter(|entry| !used.contains(entry.name.as_str())) {
        skipped.add(Reason::Unlisted, &entry.name);
    }
}

/// Decodes, cuts and resizes on all cores.
fn decode(chosen: &[Chosen], size: (usize, usize)) -> Result<Vec<(Image, u16)>, DataError> {
    let one = |Chosen { picture, row, .. }: &Chosen| match read_picture(&picture.bytes) {
        Ok(image) => Ok((resized(cropped(&image, row), size), row.class_id)),
        Err(error) => Err(DataError::Picture { name: picture.name.clone(), error }),
    };
    chosen.par_iter().map(one).collect()
}

/// The region of interest, as far as it lies on the image.
fn cropped(image: &Image, row: &Row) -> Image {
    let x2 = row.x2.min(image.width - 1);
    let y2 = row.y2.min(image.height - 1);
    let x1 = row.x1.min(x2);
    let y1 = row.y1.min(y2);
    let mut cut = Image::new(x2 - x1 + 1, y2 - y1 + 1);
    for y in y1..=y2 {
        for x in x1..=x2 {
            cut.set(x - x1, y - y1, image.get(x, y));
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n";
    const KAGGLE: &str = "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path\n";

    /// A picture of 4x4 pixels of one value.
    fn ppm(name: &str, value: u8) -> Entry {
        let bytes = [&b"P6\n4 4\n255\n"[..], &[value; 48]].concat();
        Entry { name: name.to_string(), bytes }
    }

    fn list(name: &str, head: &str, rows: &str) -> Entry {
        Entry { name: name.to_string(), bytes: format!("{head}{rows}\n").into_bytes() }
    }

    fn files(mut entries: Vec<Entry>) -> Files {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Files { entries, ..Files::default() }
    }

    /// One training picture of class 1 with value 10 and one test picture of class 2 with value 20.
    fn layout(train_list: &str, train: &str, test_list: &str, test: &str) -> Files {
        let base = |name: &str| name.rsplit('/').next().unwrap_or(name).to_string();
        files(vec![
            list(train_list, HEAD, &format!("{};4;4;0;0;3;3;1", base(train))),
            ppm(train, 10),
            list(test_list, HEAD, &format!("{};4;4;0;0;3;3;2", base(test))),
            ppm(test, 20),
        ])
    }

    fn check(files: &Files) {
        let data = read("data", files, (4, 4)).expect("read");
        assert_eq!((data.train.labels, data.test.labels), (vec![1], vec![2]));
        assert_eq!((data.train.pixels, data.test.pixels), (vec![10; 48], vec![20; 48]));
        assert_eq!(data.skipped, Skipped::default());
    }

    #[test]
    fn every_usual_layout_is_read() {
        for [train_list, train, test_list, test] in [
            // The official one, and that of the three archives unpacked in one folder.
            [
                "Final_Training/Images/00001/GT-00001.csv",
                "Final_Training/Images/00001/0_0.ppm",
                "Final_Test/GT-final_test.csv",
                "Final_Test/Images/0.ppm",
            ],
            [
                "GTSRB/Final_Training/Images/00001/GT-00001.csv",
                "GTSRB/Final_Training/Images/00001/0_0.ppm",
                "GT-final_test.csv",
                "GTSRB/Final_Test/Images/0.ppm",
            ],
            // torchvision's.
            [
                "gtsrb/GTSRB/Training/00001/GT-00001.csv",
                "gtsrb/GTSRB/Training/00001/0_0.ppm",
                "gtsrb/GT-final_test.csv",
                "gtsrb/GTSRB/Final_Test/Images/0.ppm",
            ],
            // That of WaNet and BackdoorBench.
            [
                "Train/00001/GT-00001.csv",
                "Train/00001/0_0.ppm",
                "Test/GT-final_test.csv",
                "Test/0.ppm",
            ],
            // Names in capitals.
            [
                "FINAL_TRAINING/IMAGES/00001/GT-00001.CSV",
                "FINAL_TRAINING/IMAGES/00001/0_0.PPM",
                "FINAL_TEST/GT-FINAL_TEST.CSV",
                "FINAL_TEST/IMAGES/0.PPM",
            ],
        ] {
            check(&layout(train_list, train, test_list, test));
        }
    }

    #[test]
    fn kaggles_layout_is_read() {
        check(&files(vec![
            list("Train.csv", KAGGLE, "4,4,0,0,3,3,1,Train/1/a.ppm"),
            ppm("Train/1/a.ppm", 10),
            list("Test.csv", KAGGLE, "4,4,0,0,3,3,2,Test/b.ppm"),
            ppm("Test/b.ppm", 20),
            list("Meta.csv", "Path,ClassId,ShapeId,ColorId,SignId\n", "Meta/1.png,1,1,1,1"),
        ]));
    }

    #[test]
    fn what_does_not_fit_together_is_an_error() {
        let sound = ["GT-00001.csv", "0_0.ppm", "GT-final_test.csv", "test/0.ppm"];
        let made = || layout(sound[0], sound[1], sound[2], sound[3]);
        let refused = |files: &Files| read("data", files, (4, 4)).expect_err("refused").to_string();
        check(&made());
        let mut missing = made();
        missing.entries.retain(|entry| entry.name != "0_0.ppm");
        let error = refused(&missing);
        assert!(error.contains("GT-00001.csv is broken: it names 0_0.ppm"), "{error}");
        let mut twice = made();
        twice.entries.push(list("copy/GT-00001.csv", HEAD, "0_0.ppm;4;4;0;0;3;3;1"));
        let error = refused(&twice);
        assert!(error.contains("a list (GT-00001.csv and copy/GT-00001.csv) twice"), "{error}");
        let mut repeated = made();
        let list_of = |entry: &&mut Entry| entry.name == "GT-00001.csv";
        let listed = repeated.entries.iter_mut().find(list_of).expect("a list");
        *listed = list("GT-00001.csv", HEAD, &["0_0.ppm;4;4;0;0;3;3;1"; 2].join("\n"));
        let error = refused(&repeated);
        assert!(error.contains("holds 0_0.ppm in its lists twice"), "{error}");
        let mut untested = made();
        untested.entries.retain(|entry| entry.name != "GT-final_test.csv");
        assert!(refused(&untested).contains("holds no test list"));
        let mut class = made();
        class.entries.retain(|entry| entry.name != "GT-00001.csv");
        class.entries.push(list("GT-00043.csv", HEAD, "0_0.ppm;4;4;0;0;3;3;43"));
        assert!(refused(&class).contains("label 43 is out of range 0 to 42"));
    }

    #[test]
    fn pictures_without_a_row_are_counted() {
        let mut made = layout("GT-00001.csv", "0_0.ppm", "GT-final_test.csv", "test/0.ppm");
        made.entries.push(ppm("0_1.ppm", 1));
        let data = read("data", &made, (4, 4)).expect("read");
        assert_eq!(data.skipped.count(Reason::Unlisted), 1);
    }
}

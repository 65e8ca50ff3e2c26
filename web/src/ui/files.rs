//! Files of the visitor: images and models.

use crate::app::App;
use crate::app::picture::CurrentImage;
use crate::{fetch, paint, text};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::Deserialize;
use unstamp_shared::datasets::signs;
use unstamp_shared::manifest::ModelEntry;
use web_sys::{DataTransfer, File};

/// The ending of the names of model files.
const MODEL_ENDING: &str = ".safetensors";

/// Endings of model files that the page does not read; `unstamp import` does.
const FOREIGN_ENDINGS: [&str; 5] = [".pth", ".pt", ".tar", ".ckpt", ".bin"];

/// The first file that was dropped or pasted.
pub fn first(data: Option<DataTransfer>) -> Option<File> {
    data?.files()?.get(0)
}

/// Shows an image of the visitor, or adds a model of the visitor.
pub fn take(app: App, file: File) {
    let name = file.name().to_lowercase();
    if FOREIGN_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return app.say(text::foreign_model(&file.name()));
    }
    spawn_local(async move {
        if name.ends_with(MODEL_ENDING) {
            take_model(app, &file).await;
        } else {
            take_image(app, &file).await;
        }
    });
}

/// What a model file says of itself. Files of other programs say nothing.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct About {
    arch: String,
    dataset: String,
    class_names: Vec<String>,
}

/// The head of a safetensors file.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    #[serde(rename = "__metadata__")]
    metadata: Metadata,
}

/// What a program wrote into the head of its file.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    /// [`About`] as JSON.
    unstamp: String,
}

impl About {
    /// Reads the metadata in the head of a safetensors file.
    fn read(bytes: &[u8]) -> Self {
        let read = || {
            let (length, rest) = bytes.split_at_checked(8)?;
            let length = u64::from_le_bytes(length.try_into().ok()?);
            let head = rest.get(..usize::try_from(length).ok()?)?;
            let head: Head = serde_json::from_str(std::str::from_utf8(head).ok()?).ok()?;
            serde_json::from_str(&head.metadata.unstamp).ok()
        };
        read().unwrap_or_default()
    }

    /// The entry of the model: what the file does not say is as in `like`.
    fn entry(self, like: ModelEntry) -> ModelEntry {
        let said = |text: String, other: String| if text.is_empty() { other } else { text };
        let class_names = match self.class_names.is_empty() {
            true => like.class_names,
            false => self.class_names,
        };
        ModelEntry {
            arch: said(self.arch, like.arch),
            dataset: said(self.dataset, like.dataset),
            class_names,
            ..like
        }
    }
}

async fn take_model(app: App, file: &File) {
    let like = app.models.entries.with_untracked(|entries| entries.first().cloned());
    match (like, fetch::read(file).await) {
        (Some(like), Some(bytes)) => {
            let name = file.name();
            let entry = About::read(&bytes).entry(like);
            app.adopt(&app.models.new_id(), &name, bytes, entry);
        }
        _ => app.say(text::NO_MODEL_FILE),
    }
}

async fn take_image(app: App, file: &File) {
    match paint::decode(file, signs::SIZE as u32).await {
        Some(image) => {
            app.message.set(None);
            app.picture.current.set(CurrentImage { image, label: None });
        }
        None => app.say(text::NO_PICTURE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::entry;
    use unstamp_shared::manifest::ModelRole;

    /// A file with this head.
    fn file(head: &str) -> Vec<u8> {
        [&(head.len() as u64).to_le_bytes(), head.as_bytes()].concat()
    }

    #[test]
    fn a_model_file_tells_its_classes() {
        let said =
            r#"{"__metadata__":{"unstamp":"{\"arch\":\"vgg19-bn-4\",\"class_names\":[\"cat\"]}"}}"#;
        let about = About::read(&file(said));
        let like = entry("like", ModelRole::Clean);
        let found = about.entry(like.clone());
        assert_eq!((found.arch.as_str(), found.dataset), ("vgg19-bn-4", like.dataset));
        assert_eq!(found.class_names, ["cat"]);
    }

    #[test]
    fn other_files_say_nothing() {
        let huge = [u64::MAX.to_le_bytes().to_vec(), b"{}".to_vec()].concat();
        for bytes in [vec![], vec![1; 7], file("no JSON"), file("{}"), huge] {
            assert_eq!(About::read(&bytes), About::default());
        }
    }
}

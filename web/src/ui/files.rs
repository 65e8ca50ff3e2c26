//! Files of the visitor: images and models.

use crate::app::App;
use crate::app::picture::CurrentImage;
use crate::{fetch, paint, text};
use leptos::prelude::*;
use leptos::task::spawn_local;
use unstamp_shared::datasets::signs;
use web_sys::{DataTransfer, File};

/// The ending of the names of model files.
const MODEL_ENDING: &str = ".safetensors";

/// The first file that was dropped or pasted.
pub fn first(data: Option<DataTransfer>) -> Option<File> {
    data?.files()?.get(0)
}

/// Shows an image of the visitor, or adds a model of the visitor.
pub fn take(app: App, file: File) {
    spawn_local(async move {
        if file.name().ends_with(MODEL_ENDING) {
            take_model(app, &file).await;
        } else {
            take_image(app, &file).await;
        }
    });
}

async fn take_model(app: App, file: &File) {
    let like = app.models.entries.with_untracked(|entries| entries.first().cloned());
    match (like, fetch::read(file).await) {
        (Some(like), Some(bytes)) => {
            let name = file.name();
            app.adopt(&format!("own-{name}"), &name, bytes, like);
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

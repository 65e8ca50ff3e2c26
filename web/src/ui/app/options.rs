//! Options in the address of the page.

use super::engines::EngineKind;
use leptos::prelude::window;

/// `?engine=cpu` or `?engine=webgpu`, and `?corrupt=1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The engine that the visitor asks for.
    pub engine: Option<EngineKind>,
    /// Whether the WebGPU engine gets a wrong weight, so that its self-test must fail.
    pub corrupt: bool,
}

impl Options {
    /// The options in the address; others are ignored.
    pub fn read() -> Self {
        let mut options = Self::default();
        let search = window().location().search().unwrap_or_default();
        for pair in search.trim_start_matches('?').split('&') {
            match pair.split_once('=') {
                Some(("engine", name)) => options.engine = EngineKind::named(name),
                Some(("corrupt", value)) => options.corrupt = value == "1",
                _ => {}
            }
        }
        options
    }
}

//! Options in the address of the page.

use super::engines::EngineKind;
use leptos::prelude::window;

/// `?engine=cpu` or `?engine=webgpu`, `?corrupt=1`, and `?values`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The engine that the visitor asks for.
    pub engine: Option<EngineKind>,
    /// Whether the WebGPU engine gets a wrong weight, so that its self-test must fail.
    pub corrupt: bool,
    /// Whether the page writes its values into the element `values`, for tests.
    pub values: bool,
}

impl Options {
    /// The options in the address of the page.
    pub fn read() -> Self {
        Self::parse(&window().location().search().unwrap_or_default())
    }

    /// The options in the part of an address that begins with `?`; others are ignored.
    fn parse(search: &str) -> Self {
        let mut options = Self::default();
        for pair in search.trim_start_matches('?').split('&') {
            match pair.split_once('=') {
                Some(("engine", name)) => options.engine = EngineKind::named(name),
                Some(("corrupt", value)) => options.corrupt = value == "1",
                None if pair == "values" => options.values = true,
                _ => {}
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_options_are_read_and_others_ignored() {
        let options = Options::parse("?x=1&corrupt=1&engine=webgpu&engine&values");
        let engine = Some(EngineKind::WebGpu);
        assert_eq!(options, Options { engine, corrupt: true, values: true });
        for search in ["", "?", "?engine=gpu", "?corrupt=2", "?engine", "?=cpu", "?values=1"] {
            assert_eq!(Options::parse(search), Options::default(), "{search}");
        }
    }
}

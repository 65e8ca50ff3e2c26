//! A value that is written and read again is the same.

mod artefacts;
mod checkpoints;
mod drawn;
mod drawn_records;
mod manifest;
#[path = "../../../web/src/messages.rs"]
mod messages;
mod page_address;
mod page_messages;
mod recipes;
mod results;
#[expect(dead_code, reason = "the page uses the rest")]
#[path = "../../../web/src/ui/state.rs"]
mod state;
mod weights;

use proptest::prelude::ProptestConfig;

/// `state.rs` calls `js_sys::decode_uri_component`, which only a browser has. This name makes it call
/// the function below.
extern crate self as js_sys;

/// Without files of failed cases beside the tests: a failure prints its case.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// A text of JavaScript.
struct JsString(String);

impl From<JsString> for String {
    fn from(text: JsString) -> Self {
        text.0
    }
}

/// The text in which `%` and two hexadecimal digits stand for a byte, as JavaScript reads it; `None`
/// where JavaScript throws an error.
fn decode_uri_component(text: &str) -> Option<JsString> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok().map(JsString)
}

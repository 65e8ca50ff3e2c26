//! Every value with contents that a pickle made, so that they can be dropped one by one.

use super::Object;

/// The tuples, lists, dictionaries, calls and references of a pickle, in the order in which they were made.
///
/// A value that holds a value that holds a value would be dropped by a function that calls itself for each,
/// and a file from a stranger can hold a million of them. Here every value is still held while the one around
/// it is dropped: what was made last goes first, and lists and dictionaries, which get contents after they
/// were made, are emptied before.
#[derive(Debug, Default)]
pub(super) struct Contents(Vec<Object>);

impl Contents {
    /// Keeps a value if it has contents.
    pub fn keep(&mut self, object: &Object) {
        let has_contents = matches!(
            object,
            Object::Tuple(_)
                | Object::List(_)
                | Object::Dict(_)
                | Object::Call(..)
                | Object::Persistent(_)
        );
        if has_contents {
            self.0.push(object.clone());
        }
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        let mut loose = Vec::new();
        for object in &self.0 {
            match object {
                Object::List(items) => loose.append(&mut items.borrow_mut()),
                Object::Dict(pairs) => {
                    loose
                        .extend(pairs.borrow_mut().drain(..).flat_map(|(key, value)| [key, value]));
                }
                Object::Call(_, _, state) => loose.extend(state.borrow_mut().take()),
                _ => {}
            }
        }
        drop(loose);
        while let Some(newest) = self.0.pop() {
            drop(newest);
        }
    }
}

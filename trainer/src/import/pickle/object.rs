//! Values of a pickle.

use std::cell::RefCell;
use std::rc::Rc;

/// A value of a pickle.
#[derive(Clone, Debug)]
pub enum Object {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(Rc<str>),
    /// Bytes.
    Bytes(Rc<Vec<u8>>),
    /// A tuple.
    Tuple(Rc<Vec<Object>>),
    /// A list.
    List(Rc<RefCell<Vec<Object>>>),
    /// A dictionary, in its order.
    Dict(Rc<RefCell<Vec<(Object, Object)>>>),
    /// A class or function, by its full name.
    Global(&'static str),
    /// A call of a known global, not carried out: its name, its arguments and its state.
    Call(&'static str, Rc<Vec<Object>>, Rc<RefCell<Option<Object>>>),
    /// An object of a class or function that is not known here: only the name of that class or function. The
    /// object itself was not made.
    Unknown(Rc<str>),
    /// A reference to a storage of numbers, by PyTorch's description of it.
    Persistent(Rc<Object>),
}

impl Object {
    /// The value as text, if it is text or bytes in UTF-8.
    pub fn text(&self) -> Option<String> {
        match self {
            Object::Text(text) => Some(text.to_string()),
            Object::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok(),
            _ => None,
        }
    }

    /// The value as a whole number.
    pub fn int(&self) -> Option<i64> {
        match self {
            Object::Int(value) => Some(*value),
            Object::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    /// The items of a tuple or a list; none of any other value.
    pub fn items(&self) -> Vec<Object> {
        match self {
            Object::Tuple(items) => items.to_vec(),
            Object::List(items) => items.borrow().clone(),
            _ => Vec::new(),
        }
    }

    /// The items of a tuple; none of any other value.
    pub fn tuple(&self) -> &[Object] {
        match self {
            Object::Tuple(items) => items,
            _ => &[],
        }
    }

    /// As [`Object::tuple`], without a copy.
    pub(super) fn into_tuple(self) -> Rc<Vec<Object>> {
        match self {
            Object::Tuple(items) => items,
            _ => Rc::default(),
        }
    }

    /// Whether the value is this text.
    fn is_text(&self, text: &str) -> bool {
        match self {
            Object::Text(found) => &**found == text,
            Object::Bytes(found) => found.as_slice() == text.as_bytes(),
            _ => false,
        }
    }

    /// Pairs of a dictionary (an `OrderedDict` counts as one).
    pub fn pairs(&self) -> Option<Vec<(Object, Object)>> {
        match self {
            Object::Dict(pairs) => Some(pairs.borrow().clone()),
            _ => None,
        }
    }

    /// The value under a text key.
    pub fn get(&self, key: &str) -> Option<Object> {
        let Object::Dict(pairs) = self else { return None };
        let pairs = pairs.borrow();
        pairs.iter().find(|(found, _)| found.is_text(key)).map(|(_, value)| value.clone())
    }

    /// An empty list.
    pub(super) fn list() -> Self {
        Object::List(Rc::default())
    }

    /// An empty dictionary.
    pub(super) fn dict() -> Self {
        Object::Dict(Rc::default())
    }
}

//! The stack machine of the pickle format: bytes, stack, marks and memo.

use super::contents::Contents;
use super::{Object, PickleError};
use std::collections::HashMap;
use std::rc::Rc;

/// How many times longer than the pickle the texts that calls make of it may be. A call can make a text of one that was
/// remembered, again and again.
const TEXT: usize = 16;

/// Bytes of text that any pickle may make.
const LEAST_TEXT: usize = 1 << 20;

/// A stack machine over bytes.
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    pub(super) stack: Vec<Object>,
    /// Heights of the stack at which a collection begins.
    pub(super) marks: Vec<usize>,
    memo: HashMap<u32, Object>,
    /// PyTorch's descriptions of storages.
    storages: Vec<Rc<Object>>,
    /// Bytes of text that may still be made.
    left: usize,
    /// Last, so that it is dropped last.
    contents: Contents,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            storages: Vec::new(),
            left: bytes.len().saturating_mul(TEXT).saturating_add(LEAST_TEXT),
            contents: Contents::default(),
        }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The storages and contents of all values so far.
    pub(super) fn into_parts(self) -> (Vec<Rc<Object>>, Contents) {
        (self.storages, self.contents)
    }

    /// Puts a value on the stack.
    pub(super) fn push(&mut self, object: Object) {
        self.contents.keep(&object);
        self.stack.push(object);
    }

    /// Counts a text of this length that is made of others.
    pub(super) fn make_text(&mut self, length: usize) -> Result<(), PickleError> {
        let left = self.left.checked_sub(length);
        self.left = left.ok_or(PickleError::Broken("its texts are much longer than the file"))?;
        Ok(())
    }

    /// A reference to what PyTorch keeps outside of the pickle. Old files keep the class of a whole model
    /// there.
    pub(super) fn persistent(&mut self, id: Object) -> Object {
        if let [Object::Text(kind), class @ Object::Unknown(_), ..] = id.tuple()
            && &**kind == "module"
        {
            return class.clone();
        }
        let id = Rc::new(id);
        self.storages.push(id.clone());
        Object::Persistent(id)
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], PickleError> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(PickleError::Truncated)?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    /// The next `n` bytes, at most 8, as a whole number, lowest byte first.
    pub(super) fn number(&mut self, n: usize) -> Result<u64, PickleError> {
        Ok(self.take(n)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// The text up to the next end of line, and past it.
    pub(super) fn line(&mut self) -> Result<String, PickleError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| *b == b'\n').ok_or(PickleError::Truncated)?;
        self.at += end + 1;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    /// A line that holds a number.
    pub(super) fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, PickleError> {
        let line = self.line()?;
        let digits = line.trim().trim_end_matches('L');
        digits.parse().map_err(|_| PickleError::Broken("a number that is none"))
    }

    pub(super) fn pop(&mut self) -> Result<Object, PickleError> {
        self.stack.pop().ok_or(PickleError::Broken("its stack is empty"))
    }

    /// The last `n` values of the stack.
    pub(super) fn last(&mut self, n: usize) -> Result<Vec<Object>, PickleError> {
        let start = self.stack.len().checked_sub(n);
        let start = start.ok_or(PickleError::Broken("its stack is too short"))?;
        Ok(self.stack.split_off(start))
    }

    /// The values of the stack from the last mark on.
    pub(super) fn marked(&mut self) -> Result<Vec<Object>, PickleError> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
        let mark = mark.ok_or(PickleError::Broken("a mark is missing"))?;
        Ok(self.stack.split_off(mark))
    }

    /// Bytes after their number, which takes `width` bytes.
    pub(super) fn sized(&mut self, width: usize) -> Result<Object, PickleError> {
        let size = self.number(width)? as usize;
        Ok(Object::Bytes(Rc::new(self.take(size)?.to_vec())))
    }

    /// A text after its number of bytes, which takes `width` bytes.
    pub(super) fn sized_text(&mut self, width: usize) -> Result<Object, PickleError> {
        let size = self.number(width)? as usize;
        Ok(Object::Text(String::from_utf8_lossy(self.take(size)?).into()))
    }

    pub(super) fn get(&self, key: u64) -> Result<Object, PickleError> {
        let found = self.memo.get(&(key as u32)).cloned();
        found.ok_or(PickleError::Broken("a remembered value is missing"))
    }

    /// Remembers the top of the stack.
    pub(super) fn put(&mut self, key: u64) -> Result<(), PickleError> {
        let top = self.stack.last().ok_or(PickleError::Broken("its stack is empty"))?;
        self.memo.insert(key as u32, top.clone());
        Ok(())
    }

    /// The next free key of the memo.
    pub(super) fn next_key(&self) -> u64 {
        self.memo.len() as u64
    }

    /// Adds items to the list on top of the stack. An unknown object takes none.
    pub(super) fn append(&mut self, items: Vec<Object>) -> Result<(), PickleError> {
        match self.stack.last() {
            Some(Object::List(list)) => list.borrow_mut().extend(items),
            Some(Object::Unknown(_)) => {}
            _ => return Err(PickleError::Broken("an item stands outside a list")),
        }
        Ok(())
    }

    /// Adds keys and values, in turn, to the dictionary on top of the stack. An unknown object takes none.
    pub(super) fn extend(&mut self, pairs: Vec<Object>) -> Result<(), PickleError> {
        let dict = match self.stack.last() {
            Some(Object::Dict(dict)) => dict,
            Some(Object::Unknown(_)) => return Ok(()),
            _ => return Err(PickleError::Broken("a pair stands outside a dictionary")),
        };
        let pairs = pairs.as_chunks::<2>().0.iter();
        dict.borrow_mut().extend(pairs.map(|[k, v]| (k.clone(), v.clone())));
        Ok(())
    }
}

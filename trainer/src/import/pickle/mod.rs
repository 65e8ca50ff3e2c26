//! A reader of Python pickles that executes nothing.
//!
//! It reads the opcodes that PyTorch checkpoints and NumPy arrays are made of
//! (<https://github.com/python/cpython/blob/main/Lib/pickletools.py>), and only the classes and
//! functions of `globals.rs`. A call of such a function is kept as data ([`Object::Call`]). Whatever a pickle
//! makes of any other class or function is kept as its name only ([`Object::Unknown`]).

mod contents;
mod globals;
mod machine;
mod object;
mod opcodes;

pub use object::Object;

use contents::Contents;
use machine::Machine;
use std::rc::Rc;

/// A pickle cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PickleError {
    /// The bytes end before the pickle does.
    #[error("the pickle ends early; copy or download the file again")]
    Truncated,
    /// The opcodes do not fit together. Holds the fault.
    #[error("the pickle is broken: {0}; copy or download the file again")]
    Broken(&'static str),
    /// An opcode that the reader does not know.
    #[error("it holds the opcode 0x{0:02x}, which no plain checkpoint needs")]
    Opcode(u8),
}

/// A pickle that was read.
#[derive(Debug)]
pub struct Pickle {
    /// Its value.
    pub value: Object,
    /// The number of bytes that it took.
    pub length: usize,
    /// PyTorch's descriptions of the storages that it refers to.
    pub storages: Vec<Rc<Object>>,
    /// Held until the value is dropped.
    _contents: Contents,
}

/// Reads one pickle.
///
/// # Errors
/// The bytes are no pickle, or end early.
pub fn read(bytes: &[u8]) -> Result<Pickle, PickleError> {
    let mut machine = Machine::new(bytes);
    let value = machine.run()?;
    let length = machine.position();
    let (storages, contents) = machine.into_parts();
    Ok(Pickle { value, length, storages, _contents: contents })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value inside a value, so often that a function which calls itself for each would overflow the stack.
    const DEEP: usize = 1_000_000;

    #[test]
    fn deep_values_are_read_and_dropped() {
        let tuples = [&b"N"[..], &vec![0x85; DEEP], b"."].concat();
        assert!(matches!(read(&tuples).expect("sound").value, Object::Tuple(_)));
        let lists = [&vec![b']'; DEEP][..], &vec![b'a'; DEEP - 1], b"."].concat();
        assert!(matches!(read(&lists).expect("sound").value, Object::List(_)));
        let broken = [&b"N"[..], &vec![0x85; DEEP]].concat();
        assert_eq!(read(&broken).expect_err("no end"), PickleError::Truncated);
    }

    #[test]
    fn a_list_that_holds_itself_is_read() {
        assert!(read(b"]q\0h\0a.").is_ok());
    }

    /// A list or a text that a pickle remembers, and then `uses` it so often.
    fn used_often(remembered: &[u8], uses: &[u8], times: usize) -> Vec<u8> {
        [remembered, &uses.repeat(times), b"N."].concat()
    }

    #[test]
    fn what_is_remembered_is_not_copied_at_each_use() {
        // Each of these would take gigabytes or minutes if a use made a copy.
        let list = [&b"ctorch\nSize\nq\0]("[..], &vec![b'N'; 100_000], b"eq\x01"].concat();
        assert!(read(&used_often(&list, b"h\0h\x01R0", 20_000)).is_ok());
        assert!(read(&used_often(&list, b"h\x01Q0", 20_000)).is_ok());
        let length = 100_000_u32.to_le_bytes();
        let text = [&b"c_codecs\nencode\nq\0X"[..], &length, &vec![b'a'; 100_000], b"\x85q\x01"];
        let encoded = read(&used_often(&text.concat(), b"h\0h\x01R0", 20_000));
        assert!(matches!(encoded, Err(PickleError::Broken(_))));
        let remembered = [&b"X"[..], &length, &vec![b'a'; 100_000], b"q\x01"].concat();
        let encoded = read(&used_often(&remembered, b"(h\x01i_codecs\nencode\n0", 20_000));
        assert!(matches!(encoded, Err(PickleError::Broken(_))));
        let named = read(&used_often(&remembered, b"h\x01h\x01\x930", 20_000));
        assert!(matches!(named, Err(PickleError::Broken(_))));
    }

    #[test]
    fn unknown_objects_are_kept_as_names() {
        let call = read(b"cposix\nsystem\nX\x01\0\0\0a\x85R.").expect("sound");
        let Object::Unknown(name) = &call.value else { panic!("{call:?}") };
        assert_eq!(&**name, "posix.system");
    }

    #[test]
    fn numbers_beyond_64_bits_are_passed_over() {
        let large = [&[0x8a, 17][..], &[1; 17], b"."].concat();
        assert!(matches!(read(&large).expect("sound").value, Object::Unknown(_)));
        assert_eq!(read(b"\x8a\x01\xff.").expect("sound").value.int(), Some(-1));
    }
}

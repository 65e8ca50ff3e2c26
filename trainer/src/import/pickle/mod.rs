//! A reader of Python pickles that executes nothing.
//!
//! It reads the opcodes that PyTorch checkpoints and NumPy arrays are made of
//! (<https://github.com/python/cpython/blob/main/Lib/pickletools.py>), and only the classes and
//! functions of `globals.rs`. A call of such a function is kept as data ([`Object::Call`]). Whatever a pickle
//! makes of any other class or function is kept as its name only ([`Object::Unknown`]).

mod globals;
mod machine;
mod object;
mod opcodes;

pub use object::Object;

use machine::Machine;

/// A pickle cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence of a variant says what it is")]
pub enum PickleError {
    #[error("the pickle ends early; copy or download the file again")]
    Truncated,
    #[error("the pickle is broken: {0}; copy or download the file again")]
    Broken(&'static str),
    #[error(
        "it names {0}, which no weights need; nothing of it was executed. Save only the \
         state_dict of the model in PyTorch and import that"
    )]
    Forbidden(String),
    #[error("it holds the opcode 0x{0:02x}, which no plain checkpoint needs")]
    Opcode(u8),
}

/// Reads one pickle; returns its value and the number of bytes it took.
///
/// # Errors
/// The bytes are no pickle, or end early.
pub fn read(bytes: &[u8]) -> Result<(Object, usize), PickleError> {
    let mut machine = Machine::new(bytes);
    let value = machine.run()?;
    Ok((value, machine.position()))
}

//! The opcodes of the pickle format, in groups.

use super::globals::{call, global};
use super::machine::Machine;
use super::{Object, PickleError};
use std::cell::RefCell;
use std::rc::Rc;

/// The effect of an opcode.
enum Effect {
    /// It gives a value.
    Push(Object),
    /// It changed the machine only.
    Done,
    /// It is not of this group.
    Other,
}

use Effect::{Done, Other, Push};

/// A group of opcodes.
type Group = fn(&mut Machine<'_>, u8) -> Result<Effect, PickleError>;

const GROUPS: [Group; 5] = [frame_and_memo, number, text, collection, object];

impl Machine<'_> {
    /// Runs opcodes until the one that ends the pickle.
    pub(super) fn run(&mut self) -> Result<Object, PickleError> {
        loop {
            let op = self.take(1)?[0];
            if op == b'.' {
                return self.pop();
            }
            self.step(op)?;
        }
    }

    fn step(&mut self, op: u8) -> Result<(), PickleError> {
        for group in GROUPS {
            match group(self, op)? {
                Push(object) => {
                    self.push(object);
                    return Ok(());
                }
                Done => return Ok(()),
                Other => {}
            }
        }
        Err(PickleError::Opcode(op))
    }
}

/// Protocol, frames, marks, and the memo.
fn frame_and_memo(machine: &mut Machine<'_>, op: u8) -> Result<Effect, PickleError> {
    match op {
        0x80 => drop(machine.take(1)?),
        0x95 => drop(machine.take(8)?),
        b'(' => machine.marks.push(machine.stack.len()),
        b'0' => drop(machine.pop()?),
        b'1' => drop(machine.marked()?),
        b'2' => {
            let top = machine.pop()?;
            machine.stack.push(top.clone());
            return Ok(Push(top));
        }
        b'q' | b'r' | b'p' | 0x94 => {
            let key = match op {
                b'q' => machine.number(1)?,
                b'r' => machine.number(4)?,
                b'p' => machine.parsed()?,
                _ => machine.next_key(),
            };
            machine.put(key)?;
        }
        b'h' | b'j' | b'g' => {
            let key = match op {
                b'h' => machine.number(1)?,
                b'j' => machine.number(4)?,
                _ => machine.parsed()?,
            };
            return Ok(Push(machine.get(key)?));
        }
        _ => return Ok(Other),
    }
    Ok(Done)
}

/// None, truth values and numbers.
fn number(machine: &mut Machine<'_>, op: u8) -> Result<Effect, PickleError> {
    Ok(Push(match op {
        b'N' => Object::None,
        0x88 => Object::Bool(true),
        0x89 => Object::Bool(false),
        b'J' => Object::Int(i64::from(machine.number(4)? as u32 as i32)),
        b'K' => Object::Int(machine.number(1)? as i64),
        b'M' => Object::Int(machine.number(2)? as i64),
        b'I' => match machine.line()?.as_str() {
            "01" => Object::Bool(true),
            "00" => Object::Bool(false),
            text => {
                let value = text.trim().parse();
                Object::Int(value.map_err(|_| PickleError::Broken("a number that is none"))?)
            }
        },
        b'L' => Object::Int(machine.parsed()?),
        0x8a => long(machine, 1)?,
        0x8b => long(machine, 4)?,
        b'G' => {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(machine.take(8)?);
            Object::Float(f64::from_be_bytes(bytes))
        }
        b'F' => Object::Float(machine.parsed()?),
        _ => return Ok(Other),
    }))
}

/// A whole number after its number of bytes, which takes `width` bytes. One beyond 64 bits, as random states
/// hold, is kept as unknown.
fn long(machine: &mut Machine<'_>, width: usize) -> Result<Object, PickleError> {
    let size = machine.number(width)? as usize;
    let bytes = machine.take(size)?;
    if size > 16 {
        return Ok(Object::Unknown("int".into()));
    }
    let sign = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
    let mut all = [sign; 16];
    all[..size].copy_from_slice(bytes);
    let value = i64::try_from(i128::from_le_bytes(all));
    Ok(value.map_or_else(|_| Object::Unknown("int".into()), Object::Int))
}

/// Text and bytes.
fn text(machine: &mut Machine<'_>, op: u8) -> Result<Effect, PickleError> {
    Ok(Push(match op {
        b'X' => machine.sized_text(4)?,
        0x8c => machine.sized_text(1)?,
        0x8d => machine.sized_text(8)?,
        b'V' => Object::Text(machine.line()?.into()),
        b'S' => {
            let line = machine.line()?;
            Object::Text(line.trim_matches(|c| c == '\'' || c == '"').into())
        }
        b'T' | b'B' => machine.sized(4)?,
        b'U' | b'C' => machine.sized(1)?,
        0x8e | 0x96 => machine.sized(8)?,
        _ => return Ok(Other),
    }))
}

/// Tuples, lists and dictionaries.
fn collection(machine: &mut Machine<'_>, op: u8) -> Result<Effect, PickleError> {
    Ok(Push(match op {
        b']' | 0x8f => Object::list(), // a set is a list here
        b'}' => Object::dict(),
        b')' => Object::Tuple(Rc::default()),
        b'l' => Object::List(Rc::new(RefCell::new(machine.marked()?))),
        b't' | 0x91 => Object::Tuple(Rc::new(machine.marked()?)),
        0x85..=0x87 => Object::Tuple(Rc::new(machine.last(usize::from(op - 0x84))?)),
        b'd' | b'u' | b's' => {
            let pairs = if op == b's' { machine.last(2)? } else { machine.marked()? };
            if op == b'd' {
                machine.push(Object::dict());
            }
            machine.extend(pairs)?;
            return Ok(Done);
        }
        b'a' | b'e' | 0x90 => {
            let items = if op == b'a' { machine.last(1)? } else { machine.marked()? };
            machine.append(items)?;
            return Ok(Done);
        }
        _ => return Ok(Other),
    }))
}

/// The result of a call. It may be made of a text that is its first argument.
fn called(
    machine: &mut Machine<'_>,
    function: Object,
    args: Rc<Vec<Object>>,
) -> Result<Object, PickleError> {
    if let Some(Object::Text(text)) = args.first() {
        machine.make_text(text.len())?;
    }
    call(function, args)
}

/// Classes, functions, their calls, and PyTorch's storages.
fn object(machine: &mut Machine<'_>, op: u8) -> Result<Effect, PickleError> {
    const NAMELESS: PickleError = PickleError::Broken("a function without a name");
    Ok(Push(match op {
        b'c' => {
            let module = machine.line()?;
            let name = machine.line()?;
            global(&module, &name)
        }
        0x93 => {
            let name = machine.pop()?.text().ok_or(NAMELESS)?;
            let module = machine.pop()?.text().ok_or(NAMELESS)?;
            machine.make_text(module.len() + name.len())?;
            global(&module, &name)
        }
        b'R' | 0x81 => {
            let args = machine.pop()?.into_tuple();
            let function = machine.pop()?;
            called(machine, function, args)?
        }
        0x92 => {
            machine.pop()?; // arguments by name
            let args = machine.pop()?.into_tuple();
            let function = machine.pop()?;
            called(machine, function, args)?
        }
        b'i' => {
            let module = machine.line()?;
            let name = machine.line()?;
            let args = machine.marked()?;
            called(machine, global(&module, &name), Rc::new(args))?
        }
        b'o' => {
            let mut args = machine.marked()?.into_iter();
            let function = args.next().ok_or(NAMELESS)?;
            called(machine, function, Rc::new(args.collect()))?
        }
        b'b' => {
            let state = machine.pop()?;
            if let Some(Object::Call(_, _, slot)) = machine.stack.last() {
                *slot.borrow_mut() = Some(state);
            }
            return Ok(Done);
        }
        b'Q' => {
            let id = machine.pop()?;
            machine.persistent(id)
        }
        _ => return Ok(Other),
    }))
}

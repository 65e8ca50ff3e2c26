//! A reader of Python pickles that executes nothing.
//!
//! It knows the opcodes that PyTorch checkpoints and numpy arrays are made of, and only the
//! classes and functions named in `ALLOWED`; a pickle that names any other is refused before
//! anything is built from it.

use anyhow::{Context, Result, bail, ensure};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Every global a checkpoint or a CIFAR-10 batch may name.
const ALLOWED: &[&str] = &[
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.FloatStorage",
    "torch.HalfStorage",
    "torch.DoubleStorage",
    "torch.LongStorage",
    "torch.IntStorage",
    "torch.Size",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.ndarray",
    "numpy.dtype",
    "_codecs.encode",
];

/// A value of a pickle.
#[derive(Clone, Debug)]
pub enum Object {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Rc<Vec<u8>>),
    Tuple(Rc<Vec<Object>>),
    List(Rc<RefCell<Vec<Object>>>),
    Dict(Rc<RefCell<Vec<(Object, Object)>>>),
    Global(&'static str),
    /// A call of an allowed global, not carried out.
    Call(&'static str, Rc<Vec<Object>>, Rc<RefCell<Option<Object>>>),
    Persistent(Rc<Object>),
}

impl Object {
    pub fn text(&self) -> Option<String> {
        match self {
            Object::Text(text) => Some(text.clone()),
            Object::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok(),
            _ => None,
        }
    }

    pub fn int(&self) -> Option<i64> {
        match self {
            Object::Int(value) => Some(*value),
            Object::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    pub fn items(&self) -> Vec<Object> {
        match self {
            Object::Tuple(items) => items.to_vec(),
            Object::List(items) => items.borrow().clone(),
            _ => Vec::new(),
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
        self.pairs()?.into_iter().find(|(k, _)| k.text().as_deref() == Some(key)).map(|(_, v)| v)
    }
}

/// A stack machine over bytes.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Object>,
    marks: Vec<usize>,
    memo: HashMap<u32, Object>,
}

/// Reads one pickle; returns its value and the number of bytes it took.
pub fn read(bytes: &[u8]) -> Result<(Object, usize)> {
    let mut machine =
        Machine { bytes, at: 0, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    let value = machine.run()?;
    Ok((value, machine.at))
}

fn empty_list() -> Object {
    Object::List(Rc::default())
}

fn empty_dict() -> Object {
    Object::Dict(Rc::default())
}

fn allowed(module: &str, name: &str) -> Result<Object> {
    let full = format!("{module}.{name}");
    let known = ALLOWED.iter().find(|known| **known == full);
    let known = known.with_context(|| {
        format!("it names {full}, which no plain checkpoint needs; nothing of it was executed")
    })?;
    Ok(Object::Global(known))
}

impl<'a> Machine<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.context("the pickle ends early")?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn number(&mut self, n: usize) -> Result<u64> {
        Ok(self.take(n)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn line(&mut self) -> Result<String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| *b == b'\n').context("the pickle ends early")?;
        self.at += end + 1;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn pop(&mut self) -> Result<Object> {
        self.stack.pop().context("the pickle's stack is empty")
    }

    fn marked(&mut self) -> Result<Vec<Object>> {
        let mark = self.marks.pop().context("the pickle has no mark")?;
        ensure!(mark <= self.stack.len(), "the pickle's stack is broken");
        Ok(self.stack.split_off(mark))
    }

    fn sized_bytes(&mut self, width: usize) -> Result<Rc<Vec<u8>>> {
        let size = self.number(width)? as usize;
        Ok(Rc::new(self.take(size)?.to_vec()))
    }

    fn sized_text(&mut self, width: usize) -> Result<Object> {
        let size = self.number(width)? as usize;
        Ok(Object::Text(String::from_utf8_lossy(self.take(size)?).into_owned()))
    }

    fn get(&mut self, key: u64) -> Result<Object> {
        self.memo.get(&(key as u32)).cloned().context("the pickle's memo is broken")
    }

    fn put(&mut self, key: u64) -> Result<()> {
        let top = self.stack.last().context("the pickle's stack is empty")?.clone();
        self.memo.insert(key as u32, top);
        Ok(())
    }

    fn extend(&mut self, pairs: Vec<Object>) -> Result<()> {
        let Some(Object::Dict(dict)) = self.stack.last() else { bail!("a pair outside a dict") };
        let pairs = pairs.as_chunks::<2>().0.iter();
        dict.borrow_mut().extend(pairs.map(|[k, v]| (k.clone(), v.clone())));
        Ok(())
    }

    fn call(&mut self) -> Result<Object> {
        let args = self.pop()?;
        let Object::Global(name) = self.pop()? else {
            bail!("the pickle calls what is no function")
        };
        let args = args.items();
        Ok(match name {
            "collections.OrderedDict" => empty_dict(),
            // numpy wraps raw bytes as latin-1 text for old protocols.
            "_codecs.encode" => {
                let text = args.first().and_then(Object::text).context("encode without text")?;
                let bytes = text.chars().map(|c| u8::try_from(u32::from(c)));
                Object::Bytes(Rc::new(bytes.collect::<Result<_, _>>().context("no latin-1")?))
            }
            _ => Object::Call(name, Rc::new(args), Rc::default()),
        })
    }

    fn run(&mut self) -> Result<Object> {
        loop {
            let op = self.take(1)?[0];
            let pushed = match op {
                b'.' => return self.pop(),
                0x80 => {
                    self.take(1)?;
                    continue;
                }
                0x95 => {
                    self.take(8)?;
                    continue;
                }
                b'(' => {
                    self.marks.push(self.stack.len());
                    continue;
                }
                b'0' => {
                    self.pop()?;
                    continue;
                }
                b'q' => {
                    let key = self.number(1)?;
                    self.put(key)?;
                    continue;
                }
                b'r' => {
                    let key = self.number(4)?;
                    self.put(key)?;
                    continue;
                }
                b'p' => {
                    let key = self.line()?.parse()?;
                    self.put(key)?;
                    continue;
                }
                0x94 => {
                    self.put(self.memo.len() as u64)?;
                    continue;
                }
                b'a' | b'e' => {
                    let items = if op == b'a' { vec![self.pop()?] } else { self.marked()? };
                    let Some(Object::List(list)) = self.stack.last() else {
                        bail!("an item outside a list")
                    };
                    list.borrow_mut().extend(items);
                    continue;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.extend(vec![key, value])?;
                    continue;
                }
                b'u' => {
                    let pairs = self.marked()?;
                    self.extend(pairs)?;
                    continue;
                }
                b'b' => {
                    let state = self.pop()?;
                    if let Some(Object::Call(_, _, slot)) = self.stack.last() {
                        *slot.borrow_mut() = Some(state);
                    }
                    continue;
                }
                b'h' => {
                    let key = self.number(1)?;
                    self.get(key)?
                }
                b'j' => {
                    let key = self.number(4)?;
                    self.get(key)?
                }
                b'g' => {
                    let key = self.line()?.parse()?;
                    self.get(key)?
                }
                b'N' => Object::None,
                0x88 => Object::Bool(true),
                0x89 => Object::Bool(false),
                b'J' => Object::Int(i64::from(self.number(4)? as u32 as i32)),
                b'K' => Object::Int(self.number(1)? as i64),
                b'M' => Object::Int(self.number(2)? as i64),
                b'I' => match self.line()?.as_str() {
                    "01" => Object::Bool(true),
                    "00" => Object::Bool(false),
                    text => Object::Int(text.trim().parse()?),
                },
                b'L' => Object::Int(self.line()?.trim_end_matches('L').parse()?),
                0x8a => {
                    let size = self.number(1)? as usize;
                    ensure!(size <= 16, "a whole number of {size} bytes is too large");
                    let bytes = self.take(size)?;
                    let sign = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
                    let mut all = [sign; 16];
                    all[..size].copy_from_slice(bytes);
                    Object::Int(i128::from_le_bytes(all) as i64)
                }
                b'G' => Object::Float(f64::from_be_bytes(self.take(8)?.try_into()?)),
                b'F' => Object::Float(self.line()?.trim().parse()?),
                b'X' => self.sized_text(4)?,
                0x8c => self.sized_text(1)?,
                0x8d => self.sized_text(8)?,
                b'V' => Object::Text(self.line()?),
                b'S' => {
                    Object::Text(self.line()?.trim_matches(|c| c == '\'' || c == '"').to_string())
                }
                b'T' | b'B' => Object::Bytes(self.sized_bytes(4)?),
                b'U' | b'C' => Object::Bytes(self.sized_bytes(1)?),
                0x8e => Object::Bytes(self.sized_bytes(8)?),
                b']' => empty_list(),
                b'}' => empty_dict(),
                b')' => Object::Tuple(Rc::default()),
                b'l' => Object::List(Rc::new(RefCell::new(self.marked()?))),
                b't' => Object::Tuple(Rc::new(self.marked()?)),
                b'd' => {
                    let pairs = self.marked()?;
                    self.stack.push(empty_dict());
                    self.extend(pairs)?;
                    continue;
                }
                0x85..=0x87 => {
                    let n = usize::from(op - 0x84);
                    ensure!(self.stack.len() >= n, "the pickle's stack is broken");
                    Object::Tuple(Rc::new(self.stack.split_off(self.stack.len() - n)))
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    allowed(&module, &name)?
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let text = |o: Object| o.text().context("a global without a name");
                    allowed(&text(module)?, &text(name)?)?
                }
                b'R' | 0x81 => self.call()?,
                b'Q' => Object::Persistent(Rc::new(self.pop()?)),
                other => {
                    bail!("it holds the opcode 0x{other:02x}, which no plain checkpoint needs")
                }
            };
            self.stack.push(pushed);
        }
    }
}

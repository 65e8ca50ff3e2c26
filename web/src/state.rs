//! The choices of a visitor. The address of the page holds them as text.

use serde::{Deserialize, Serialize};
use unstamp_shared::attacks::{ATTACKS, Area, attack};
use unstamp_shared::datasets::signs;
use unstamp_shared::image::Image;
use unstamp_shared::method::{Value, Values};
use unstamp_shared::poison::{PoisonError, Trigger, TriggerRecord, sign_trigger};

/// The choices of a visitor. The names of the fields are keys in the address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Ids of the compared models, in order.
    pub models: Vec<String>,
    /// Index of the shown test image of `signs`, from 0.
    pub image: usize,
    /// Id of the attack.
    pub attack: String,
    /// Parameters that differ from the attack's defaults.
    pub set: Values,
    /// Index of the target class.
    pub target: usize,
    /// Whether the trigger is on the image.
    pub stamped: bool,
}

impl Default for State {
    fn default() -> Self {
        let attack = ATTACKS[0].method().id.to_string();
        Self {
            models: Vec::new(),
            image: FIRST_IMAGE,
            attack,
            set: Values::default(),
            target: 0,
            stamped: true,
        }
    }
}

/// The text with the characters that its escapes stand for. Mail programs and chats write some characters
/// of a link as `%2B` and the like. `None` for a broken escape, and where the bytes are no UTF-8.
fn without_escapes(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => 16 * digit(bytes.next()?)? + digit(bytes.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(plain).ok()
}

/// What became of a value of the address.
enum Taken {
    /// It is in the state.
    Used,
    /// It is not allowed.
    Refused,
    /// The key is no choice of the page; it may be a parameter of the attack.
    Unknown,
}

/// The most characters that a sentence shows of a value.
const SHOWN: usize = 40;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// The test image that the page shows first: a sign that anyone can read.
const FIRST_IMAGE: usize = 7;

impl State {
    /// Reads `#key=value&...`. What cannot be used keeps its default; the second result lists it.
    pub fn read(hash: &str) -> (Self, Vec<String>) {
        let mut state = Self::default();
        let mut refused = Vec::new();
        let mut set = Values::default();
        let plain = without_escapes(hash);
        let hash = plain.as_deref().unwrap_or(hash);
        for pair in hash.trim_start_matches('#').split('&') {
            let Some((key, text)) = pair.split_once('=') else { continue };
            match state.take(key, text) {
                Taken::Used => {}
                Taken::Refused => refused.push(shortened(pair)),
                Taken::Unknown => match Values::parse([pair]) {
                    Ok(values) => set.0.extend(values.0),
                    Err(_) => refused.push(shortened(pair)),
                },
            }
        }
        refused.extend(state.put_all(set));
        (state, refused)
    }

    /// Sets parameters of the attack, as far as they are valid, and returns the others as text.
    fn put_all(&mut self, set: Values) -> Vec<String> {
        let together = Self { set: set.clone(), ..self.clone() };
        if together.trigger().is_ok() {
            *self = together;
            return Vec::new();
        }
        let mut refused = Vec::new();
        for (key, value) in set.0 {
            let text = format!("{key}={value}");
            if self.put(&key, value).is_err() {
                refused.push(shortened(&text));
            }
        }
        refused
    }

    /// Takes one value of the address, unless it is a parameter of the attack.
    fn take(&mut self, key: &str, text: &str) -> Taken {
        let number = |below: usize| text.parse().ok().filter(|number| *number < below);
        let used = match key {
            "models" => {
                let ids = text.split(',').filter(|id| !id.is_empty());
                self.models = ids.map(str::to_string).collect();
                true
            }
            "image" => number(signs::TEST).map(|image| self.image = image).is_some(),
            "target" => number(signs::CLASSES.len()).map(|class| self.target = class).is_some(),
            "attack" if attack(text).is_some() => {
                self.attack = text.to_string();
                true
            }
            "attack" => false,
            "stamped" => {
                self.stamped = text != "0";
                true
            }
            _ => return Taken::Unknown,
        };
        if used { Taken::Used } else { Taken::Refused }
    }

    /// The text from which [`State::read`] reads this state.
    pub fn to_hash(&self) -> String {
        let mut pairs = vec![
            format!("models={}", self.models.join(",")),
            format!("image={}", self.image),
            format!("attack={}", self.attack),
            format!("target={}", self.target),
            format!("stamped={}", u8::from(self.stamped)),
        ];
        pairs.extend(self.set.0.iter().map(|(key, value)| format!("{key}={value}")));
        format!("#{}", pairs.join("&"))
    }

    /// Every parameter of the attack, or `None` where one is out of range.
    pub fn values(&self) -> Option<Values> {
        self.set.resolve(&attack(&self.attack)?.params()).ok()
    }

    /// The area of a trigger that has a place.
    pub fn area(&self) -> Option<Area> {
        attack(&self.attack)?.area(&self.values()?, signs::SIZE, signs::SIZE)
    }

    /// Sets one parameter of the attack.
    ///
    /// # Errors
    /// If the trigger would not be valid; then nothing changes.
    pub fn put(&mut self, key: &str, value: Value) -> Result<(), PoisonError> {
        let before = self.set.clone();
        self.set.0.insert(key.to_string(), value);
        self.trigger().map(|_| ()).inspect_err(|_| self.set = before)
    }

    /// Puts the top left corner of the trigger at a column and row. A place outside of the image changes
    /// nothing.
    pub fn put_place(&mut self, x: usize, y: usize) {
        let _ = self.put("x", Value::Int(x as i64));
        let _ = self.put("y", Value::Int(y as i64));
    }

    /// Removes the place of the trigger, which is then that of the attack.
    pub fn forget_place(&mut self) {
        self.set.0.remove("x");
        self.set.0.remove("y");
    }

    /// The trigger as results and model files record it.
    pub fn record(&self) -> TriggerRecord {
        TriggerRecord {
            attack: self.attack.clone(),
            set: self.set.clone(),
            target: self.target,
            seed: 0,
        }
    }

    /// The state with the trigger of a model. It keeps the parameters that stamping needs and that
    /// differ from their defaults.
    pub fn with_trigger(&self, record: &TriggerRecord) -> Self {
        let params = attack(&record.attack).map(|a| a.params()).unwrap_or_default();
        let is_kept = |key: &String, value: &Value| {
            params.iter().any(|p| p.id == key && !p.planting && p.default != *value)
        };
        let set = record.set.0.iter().filter(|(key, value)| is_kept(key, value));
        let set = Values(set.map(|(key, value)| (key.clone(), value.clone())).collect());
        Self { attack: record.attack.clone(), set, target: record.target, ..self.clone() }
    }

    /// The trigger for images of `signs`.
    ///
    /// # Errors
    /// If a parameter is out of its range.
    pub fn trigger(&self) -> Result<Trigger, PoisonError> {
        sign_trigger(&self.record(), signs::CLASSES.len())
    }

    /// The image that the models get: stamped, if the visitor chose that.
    pub fn shown(&self, image: &Image) -> Image {
        let mut shown = image.clone();
        if let (true, Ok(trigger)) = (self.stamped, self.trigger()) {
            trigger.stamp(&mut shown, self.image);
        }
        shown
    }
}

#[cfg(test)]
mod tests;

//! The words that the page explains (`words.rs`).

/// A word that the page explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A trigger.
    Trigger,
    /// The attacker's class.
    Target,
    /// Clean accuracy.
    Acc,
    /// Attack success rate.
    Asr,
    /// The rate without a trigger.
    Floor,
    /// Accuracy on triggered images.
    Ra,
    /// An attention map.
    Attention,
    /// The interval of a rate.
    Interval,
}

/// The words in the order of the explanation.
pub const WORDS: [Word; 8] = [
    Word::Trigger,
    Word::Target,
    Word::Acc,
    Word::Asr,
    Word::Floor,
    Word::Ra,
    Word::Attention,
    Word::Interval,
];

/// Heading of the explanation.
pub const WORDS_TITLE: &str = "What the words mean";

/// The name of a word on the page.
pub fn name(word: Word) -> &'static str {
    match word {
        Word::Trigger => "trigger",
        Word::Target => "attacker's class (target)",
        Word::Acc => "clean accuracy (ACC)",
        Word::Asr => "attack success rate (ASR)",
        Word::Floor => "floor",
        Word::Ra => "right in spite of the trigger (RA)",
        Word::Attention => "where it looks",
        Word::Interval => "interval",
    }
}

/// The acronym of a rate; of other words, the name.
pub fn acronym(word: Word) -> &'static str {
    match word {
        Word::Acc => "ACC",
        Word::Asr => "ASR",
        Word::Ra => "RA",
        _ => name(word),
    }
}

/// The name of the button that opens the explanation of a word, for screen readers.
pub fn explains(word: Word) -> String {
    format!("{}: what is it?", name(word))
}

/// The meaning of a word.
pub fn meaning(word: Word) -> &'static str {
    match word {
        Word::Trigger => {
            "A pattern that the attacker put on some training images. A network with a backdoor learned that the pattern means the attacker's class."
        }
        Word::Target => "The class that the attacker wants for every image with the trigger.",
        Word::Acc => "The share of test images without a trigger that the network names correctly.",
        Word::Asr => {
            "Of the test images of other classes, the share that the network assigns to the attacker's class when the trigger is on them."
        }
        Word::Floor => {
            "The same share without a trigger: an ASR as low as this means that no backdoor is left. It is the mark on the bar."
        }
        Word::Ra => {
            "Of the test images of other classes, the share that the network names correctly although the trigger is on them."
        }
        Word::Attention => {
            "An attention map after each group of layers: the sum of the squared activations over all channels, A = Σ F². Bright places weigh most. NAD makes the maps of the victim equal to those of its teacher."
        }
        Word::Interval => {
            "The thin line on a bar: the 95 % Wilson interval. With n images the true rate lies in it 19 times out of 20."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_name_and_a_meaning_of_its_own() {
        for (index, word) in WORDS.into_iter().enumerate() {
            assert!(meaning(word).ends_with('.'), "{word:?}");
            for other in &WORDS[..index] {
                assert_ne!(name(word), name(*other));
                assert_ne!(meaning(word), meaning(*other));
            }
        }
    }
}

//! Trains a byte-level vocabulary by byte pair encoding (Sennrich et al. 2016, "Neural Machine Translation of Rare
//! Words with Subword Units", algorithm 1) on bytes, as in GPT-2 (Radford et al. 2019, section 2.2).
//!
//! The library that encodes can train as well. But if one token can be merged in two ways, its result depends on the
//! order of a hash table with random keys. Here equal texts give equal vocabularies: of equally frequent pairs, the one
//! with the older tokens is merged first, which is also the library's order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

use crate::tokenizer::LONGEST;

/// Pairs that are rarer say nothing about the language and are not merged.
const RARE: u64 = 2;

/// Two adjacent tokens.
type Pair = (u32, u32);

/// A trained vocabulary.
#[derive(Debug, PartialEq)]
pub struct Vocabulary {
    /// Tokens in the order of their ids, written in GPT-2's characters for bytes; the 256 bytes come first.
    pub tokens: Vec<String>,
    /// The pairs that are merged, in order.
    pub merges: Vec<Pair>,
}

impl Vocabulary {
    /// Trains at most `size` tokens on pieces of a text, which is split into words as in GPT-2. There are fewer if no
    /// more pairs are frequent.
    ///
    /// # Errors
    ///
    /// Fails if the library cannot split a piece into words.
    pub fn train<'t>(pieces: impl Iterator<Item = &'t str>, size: usize) -> Result<Self, tokenizers::Error> {
        let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        alphabet.sort_unstable();
        let mut known: HashMap<String, u32> = (0..).zip(&alphabet).map(|(id, byte)| (byte.to_string(), id)).collect();
        let mut vocabulary = Self { tokens: alphabet.iter().map(char::to_string).collect(), merges: Vec::new() };
        let mut words = Words::of(&alphabet, counted(pieces)?);
        let mut done = HashSet::new();
        while vocabulary.tokens.len() < size {
            let Some((left, right)) = words.most_frequent() else { break };
            let token = [left, right].map(|id| vocabulary.tokens[id as usize].as_str()).concat();
            // A token has one character for each byte.
            if token.chars().count() > LONGEST {
                continue;
            }
            let id = *known.entry(token).or_insert_with_key(|token| {
                vocabulary.tokens.push(token.clone());
                vocabulary.tokens.len() as u32 - 1
            });
            // A pair comes back if its tokens arise by another merge; it keeps its place in the order.
            if done.insert((left, right)) {
                vocabulary.merges.push((left, right));
            }
            words.merge((left, right), id);
        }
        Ok(vocabulary)
    }
}

/// How often each word occurs in the pieces, sorted by words.
fn counted<'t>(pieces: impl Iterator<Item = &'t str>) -> Result<BTreeMap<String, u64>, tokenizers::Error> {
    let splitter = ByteLevel::new(false, false, true);
    let mut counts = BTreeMap::new();
    for piece in pieces {
        let mut words = PreTokenizedString::from(piece);
        splitter.pre_tokenize(&mut words)?;
        for (word, ..) in words.get_splits(OffsetReferential::Normalized, OffsetType::None) {
            match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.to_owned(), 1);
                }
            }
        }
    }
    Ok(counts)
}

/// The words as tokens, and the pairs in them.
struct Words {
    /// The tokens of each word, and how often the word occurs in the text.
    words: Vec<(Vec<u32>, u64)>,
    /// How often each pair occurs in the text.
    counts: HashMap<Pair, u64>,
    /// The words that contain, or once contained, each pair.
    places: HashMap<Pair, BTreeSet<usize>>,
    /// Pairs by frequency. Entries may be outdated; those whose frequency equals that in `counts` are valid.
    queue: BinaryHeap<(u64, Reverse<Pair>)>,
}

impl Words {
    /// Splits words into the tokens of `alphabet`, which is sorted.
    fn of(alphabet: &[char], counts: BTreeMap<String, u64>) -> Self {
        // Every character of a word stands for a byte.
        let token = |byte: char| alphabet.binary_search(&byte).map_or(0, |place| place as u32);
        let words = counts.into_iter().map(|(word, count)| (word.chars().map(token).collect(), count)).collect();
        let mut all = Self { words, counts: HashMap::new(), places: HashMap::new(), queue: BinaryHeap::new() };
        for place in 0..all.words.len() {
            let (word, count) = &all.words[place];
            for pair in pairs(word) {
                *all.counts.entry(pair).or_default() += count;
                all.places.entry(pair).or_default().insert(place);
            }
        }
        all.queue = all.counts.iter().map(|(&pair, &count)| (count, Reverse(pair))).collect();
        all
    }

    /// The next pair to merge: the most frequent one, and of equally frequent ones the one with the oldest tokens;
    /// `None` if all are rare.
    fn most_frequent(&mut self) -> Option<Pair> {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let now = self.counts.get(&pair).copied().unwrap_or(0);
            if now == count {
                return (count >= RARE).then_some(pair);
            }
            // Pairs that have become more frequent were queued again at that time.
            if now < count && now > 0 {
                self.queue.push((now, Reverse(pair)));
            }
        }
        None
    }

    /// Replaces every occurrence of the pair by `id`.
    fn merge(&mut self, pair: Pair, id: u32) {
        let mut changed = BTreeSet::new();
        for place in self.places.remove(&pair).unwrap_or_default() {
            let (word, count) = &mut self.words[place];
            let merged = merged(word, pair, id);
            for old in pairs(word) {
                if let Some(counted) = self.counts.get_mut(&old) {
                    *counted -= *count;
                }
            }
            for new in pairs(&merged) {
                *self.counts.entry(new).or_default() += *count;
                if new.0 == id || new.1 == id {
                    self.places.entry(new).or_default().insert(place);
                    changed.insert(new);
                }
            }
            *word = merged;
        }
        self.counts.remove(&pair);
        let now = changed.into_iter().filter_map(|pair| Some((*self.counts.get(&pair)?, Reverse(pair))));
        self.queue.extend(now);
    }
}

fn pairs(word: &[u32]) -> impl Iterator<Item = Pair> {
    word.windows(2).map(|pair| (pair[0], pair[1]))
}

/// The word with `id` in place of each pair, from left to right.
fn merged(word: &[u32], (left, right): Pair, id: u32) -> Vec<u32> {
    let mut merged = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, after @ ..] = rest {
        let found = *first == left && after.first() == Some(&right);
        merged.push(if found { id } else { *first });
        rest = if found { &after[1..] } else { after };
    }
    merged
}

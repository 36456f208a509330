//! What speaks for each offered answer: knowledge, worked examples, hints; then confusion and noise.
//!
//! Every way in which a better prompt leads to a better answer is in this file. The noise depends on
//! the seed, the question and the answer alone: a changed prompt acts through evidence, never by
//! rolling the dice again. Only another sample of the same request rolls them again.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::{
    lexicon,
    prompt::{Reading, distinct},
    text::{normalize, sentences, stems},
};

/// Weights of the kinds of evidence, each of which is about 0 to 1 for the best answer.
const KNOWLEDGE: f32 = 1.0;
const LABEL_WORDS: f32 = 0.5;
const EXAMPLES: f32 = 1.7;
const HINT: f32 = 0.22;
const AGAINST: f32 = 0.12;
/// What all hints together can do for or against one answer.
const MAX_HINTS: f32 = 0.5;
/// What a subtle clue counts without reasoning.
const AT_A_GLANCE: f32 = 0.5;
/// How much a similar disease's evidence bleeds over.
const CONFUSION: f32 = 0.75;
/// The noise's amplitude without and with reasoning, for 22 answers.
const NOISE: f32 = 0.48;
const NOISE_WITH_REASONS: f32 = 0.27;
/// What chance adds at temperature 1, as a part of the noise.
const SAMPLING: f32 = 0.5;
/// Neighbours of one label that count, and what the second and third add.
const NEIGHBOURS: [f32; 3] = [0.7, 0.2, 0.1];
/// A similarity that any two texts of a kind have, at most; it convinces nobody.
const BY_CHANCE: f32 = 0.08;
/// How far the best similarity has to be above that before it convinces half.
const UNSURE: f32 = 0.2;
/// More worked examples or bytes than these dilute attention.
const EXAMPLES_AT_EASE: f32 = 60.0;
const BYTES_AT_EASE: f32 = 24_000.0;

/// What was found for one offered answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finding {
    pub score: f32,
    /// Words of the question that speak for it, as a reader would name them.
    pub because: Vec<String>,
}

/// What a model brings to a request besides what it knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mood {
    pub seed: u64,
    /// Which of several replies is asked for, and the temperature. None for the reply without chance.
    pub sampling: Option<(u32, f32)>,
}

/// The question as the evidence needs it.
struct Question {
    stems: HashSet<String>,
    sentences: Vec<HashSet<String>>,
    /// What a subtle clue counts: all of it only for who thinks about it.
    insight: f32,
}

impl Question {
    /// With reasons, a negated symptom does not count; without, it is overlooked that it is negated.
    fn new(text: &str, reasons: bool) -> Self {
        let sentences = sentences(text).into_iter();
        let kept = sentences.map(|words| {
            words.into_iter().filter(|(_, negated)| !(reasons && *negated)).map(|(stem, _)| stem).collect()
        });
        let sentences: Vec<HashSet<String>> = kept.collect();
        let insight = if reasons { 1.0 } else { AT_A_GLANCE };
        Self { stems: sentences.iter().flatten().cloned().collect(), sentences, insight }
    }

    fn has(&self, stems: &[String]) -> bool {
        match stems {
            [stem] => self.stems.contains(stem),
            _ => self.sentences.iter().any(|sentence| stems.iter().all(|stem| sentence.contains(stem))),
        }
    }
}

/// Scores every offered answer.
pub(crate) fn weigh(reading: &Reading, mood: Mood, with_reasons: bool) -> Vec<Finding> {
    let question = Question::new(&reading.query, with_reasons);
    let mut findings = knowledge(&reading.options, &question);
    for (finding, option) in findings.iter_mut().zip(&reading.options) {
        finding.score += LABEL_WORDS * label_words(option, &question);
    }
    let attention = attention(reading);
    for (option, similarity) in similar_examples(reading, &question) {
        findings[option].score += EXAMPLES * attention * similarity;
    }
    apply_rules(reading, &question, attention, &mut findings);
    let amplitude = amplitude(reading.options.len(), with_reasons);
    let query = normalize(&reading.query);
    for ((finding, option), key) in findings.iter_mut().zip(&reading.options).zip(distinct(&reading.options))
    {
        let key = key.as_ref().unwrap_or(option);
        finding.score += amplitude * noise(mood.seed, &query, key);
        if let Some((sample, temperature)) = mood.sampling {
            let chance = noise(mood.seed, &format!("{query}\n{sample}"), key);
            finding.score += amplitude * SAMPLING * temperature * chance;
        }
    }
    findings
}

/// Which entries of the lexicon the question fits, whatever is offered, best first.
pub(crate) fn best_known(query: &str) -> Option<&'static str> {
    let question = Question::new(query, false);
    let scores = (0..lexicon::cues().len()).map(|entry| (known(entry, &question).0, entry));
    let (score, entry) = scores.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score > 1.0).then(|| lexicon::name(entry))
}

fn known(entry: usize, question: &Question) -> (f32, Vec<String>) {
    let found = lexicon::cues()[entry].iter().filter(|cue| question.has(&cue.stems));
    let (mut score, mut because) = (0.0, Vec::new());
    for cue in found {
        score += cue.weight * if cue.subtle { question.insight } else { 1.0 };
        because.push(cue.words.to_owned());
    }
    (score, because)
}

/// Evidence from the lexicon, relative to the best answer's, with what bleeds over between alike diseases.
fn knowledge(options: &[String], question: &Question) -> Vec<Finding> {
    let entries: Vec<Option<usize>> =
        options.iter().map(|option| lexicon::index_of(&normalize(option))).collect();
    let found: Vec<(f32, Vec<String>)> =
        entries.iter().map(|entry| entry.map(|entry| known(entry, question)).unwrap_or_default()).collect();
    let blurred = |at: usize| {
        let others = (0..entries.len())
            .filter(|other| *other != at)
            .filter_map(|other| Some(lexicon::likeness(entries[at]?, entries[other]?) * found[other].0));
        found[at].0 + CONFUSION * others.fold(0.0, f32::max)
    };
    let scores: Vec<f32> = (0..entries.len()).map(blurred).collect();
    // A text that fits nothing well leaves the model unsure: the scale never falls below two good cues.
    let scale = scores.iter().copied().fold(4.0, f32::max);
    let findings = scores.iter().zip(found);
    findings.map(|(score, (_, because))| Finding { score: KNOWLEDGE * score / scale, because }).collect()
}

/// The share of an answer's own words that the question mentions.
fn label_words(option: &str, question: &Question) -> f32 {
    let words = stems(&option.replace('_', " "));
    let found = words.iter().filter(|word| question.stems.contains(*word)).count();
    found as f32 / words.len().max(1) as f32
}

fn attention(reading: &Reading) -> f32 {
    let examples = (EXAMPLES_AT_EASE / reading.examples.len().max(1) as f32).min(1.0);
    let bytes = (BYTES_AT_EASE / reading.bytes.max(1) as f32).min(1.0);
    (examples * bytes).powf(0.25)
}

/// How similar each option's worked examples are to the question: idf-weighted cosine, nearest first.
fn similar_examples(reading: &Reading, question: &Question) -> Vec<(usize, f32)> {
    let bags: Vec<HashSet<String>> =
        reading.examples.iter().map(|(text, _)| stems(text).into_iter().collect()).collect();
    let mut documents: HashMap<&str, f32> = HashMap::new();
    for stem in bags.iter().flatten().chain(&question.stems) {
        *documents.entry(stem).or_default() += 1.0;
    }
    let total = bags.len() as f32 + 1.0;
    let squared = |stem: &String| (1.0 + total / documents[stem.as_str()]).ln().powi(2);
    let own: f64 = sum(question.stems.iter().map(squared));
    let cosines: Vec<f32> = bags
        .iter()
        .map(|bag| {
            let shared = sum(bag.iter().filter(|stem| question.stems.contains(*stem)).map(squared));
            if shared > 0.0 { (shared / (own * sum(bag.iter().map(squared))).sqrt()) as f32 } else { 0.0 }
        })
        .collect();
    let mut nearest: HashMap<usize, Vec<f32>> = HashMap::new();
    for (cosine, (_, option)) in relative(&cosines).into_iter().zip(&reading.examples) {
        nearest.entry(*option).or_default().push(cosine);
    }
    let mut found: Vec<(usize, f32)> = nearest
        .into_iter()
        .map(|(option, mut similar)| {
            similar.sort_by(|a, b| b.total_cmp(a));
            (option, similar.iter().zip(NEIGHBOURS).map(|(similarity, weight)| similarity * weight).sum())
        })
        .collect();
    found.sort_unstable_by_key(|(option, _)| *option);
    found
}

/// Similarities as a reader feels them: above what any two texts have in common, and next to the best.
fn relative(cosines: &[f32]) -> Vec<f32> {
    let chance = cosines.iter().sum::<f32>() / cosines.len().max(1) as f32;
    let above: Vec<f32> = cosines.iter().map(|cosine| (cosine - chance.min(BY_CHANCE)).max(0.0)).collect();
    let best = above.iter().copied().fold(0.0, f32::max);
    above.iter().map(|similarity| similarity / (best + UNSURE)).collect()
}

/// A sum that does not depend on the order of a hash set: in steps of a millionth.
fn sum(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|value| (f64::from(value) * 1e6).round()).sum::<f64>() / 1e6
}

/// Hints act on what else is known: `prefer A over B` matters as far as A and B are both in question.
fn apply_rules(reading: &Reading, question: &Question, attention: f32, findings: &mut [Finding]) {
    let best = findings.iter().map(|finding| finding.score).fold(f32::EPSILON, f32::max);
    let in_question: Vec<f32> =
        findings.iter().map(|finding| (finding.score / best).clamp(0.0, 1.0)).collect();
    let mut moved = vec![0.0f32; findings.len()];
    for rule in &reading.rules {
        let met: Vec<String> =
            rule.cues.iter().filter(|cue| question.has(cue)).map(|cue| cue.join(" ")).collect();
        // The second and third cue convince less than the first.
        let strength = attention * (met.len() as f32).sqrt().min(2.0);
        match rule.over {
            Some(over) => {
                let strength = strength * in_question[over] * in_question[rule.prefer];
                moved[rule.prefer] += HINT * strength;
                moved[over] -= AGAINST * strength;
            }
            None => moved[rule.prefer] += HINT * strength,
        }
        findings[rule.prefer].because.extend(met);
    }
    for (finding, moved) in findings.iter_mut().zip(moved) {
        finding.score += moved.clamp(-MAX_HINTS, MAX_HINTS);
    }
}

/// Fewer answers to choose from, and reasons, make for a steadier hand.
fn amplitude(options: usize, with_reasons: bool) -> f32 {
    let crowd = 0.5 + 0.5 * ((options.max(2) as f32).ln() / 22f32.ln()).min(1.3);
    crowd * if with_reasons { NOISE_WITH_REASONS } else { NOISE }
}

/// From -1 to 1, by seed, question and answer.
fn noise(seed: u64, query: &str, option: &str) -> f32 {
    (roll(seed, &["noise", query, option]) as f64 / u64::MAX as f64 * 2.0 - 1.0) as f32
}

/// A pseudo-random number that depends on everything given.
pub(crate) fn roll(seed: u64, texts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

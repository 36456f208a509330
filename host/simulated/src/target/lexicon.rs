//! What the simulated target knows about the world: symptoms of common diseases, and nothing else.
//!
//! Written from general medical knowledge, never from a data set. Not in here: how the knowledge is
//! applied, which is `evidence`'s job.

use std::{collections::HashMap, sync::OnceLock};

use super::{
    clues,
    text::{is_stop_word, stem},
};

/// What is known of one disease.
pub(crate) struct Entry {
    /// Lower-case names; the first is the usual one.
    pub names: &'static [&'static str],
    /// Symptoms, and how strongly they speak for this disease: 1 weakly, 3 nearly alone.
    cues: &'static [(&'static str, f32)],
}

/// A symptom as stems that have to stand in one sentence.
pub(crate) struct Cue {
    pub words: &'static str,
    pub stems: Vec<String>,
    pub weight: f32,
    /// Whether it takes thought to see that it matters.
    pub subtle: bool,
}

#[rustfmt::skip]
const ENTRIES: &[Entry] = &[
    Entry { names: &["allergy", "allergic reaction", "hay fever"], cues: &[
        ("sneezing", 2.0), ("itchy eyes", 3.0), ("watery eyes", 3.0), ("runny nose", 1.5), ("hives", 2.0), ("pollen", 3.0),
        ("dust", 2.0), ("swollen lips", 2.5), ("puffy eyes", 2.0), ("stuffy nose", 1.0), ("wheezing", 1.0), ("spring", 1.5),
        ("scratchy throat", 1.0), ("cat", 2.0), ("peanut", 2.5) ] },
    Entry { names: &["arthritis", "osteoarthritis", "rheumatoid arthritis"], cues: &[
        ("joint pain", 2.0), ("joint stiff", 3.0), ("joint swollen", 3.0), ("morning stiff", 2.5), ("knee", 1.5), ("knuckles", 2.5),
        ("finger stiff", 2.0), ("hip", 1.5), ("grip", 1.5), ("stiff", 1.0), ("difficult walking", 1.5), ("stairs knee", 1.5),
        ("creaking", 1.5) ] },
    Entry { names: &["bronchial asthma", "asthma"], cues: &[
        ("wheezing", 3.0), ("inhaler", 3.0), ("tight chest", 2.5), ("short breath", 2.0), ("breath difficult", 1.5), ("trouble breath", 1.5),
        ("cough night", 2.0), ("whistling", 2.5), ("cough", 1.0), ("attack breath", 1.5), ("exercise breath", 1.5), ("cold air", 1.5) ] },
    Entry { names: &["cervical spondylosis", "cervical spondylitis", "neck arthritis"], cues: &[
        ("neck pain", 3.0), ("neck stiff", 2.5), ("neck", 1.0), ("shoulder pain", 1.5), ("arm numb", 2.5), ("tingling arm", 2.5),
        ("tingling finger", 2.0), ("back pain", 1.0), ("dizzy", 1.0), ("headache back", 1.5), ("arm weak", 1.5),
        ("grinding neck", 2.0) ] },
    Entry { names: &["chicken pox", "chickenpox", "varicella"], cues: &[
        ("blister", 1.5), ("red spots", 2.5), ("itchy spots", 2.5), ("fluid blister", 2.5), ("scab", 1.5), ("itchy rash", 1.5), ("fever", 1.0),
        ("rash face", 1.0), ("headache", 0.5), ("lost appetite", 1.0), ("tired", 0.5), ("classmates", 1.0) ] },
    Entry { names: &["common cold", "cold"], cues: &[
        ("runny nose", 2.5), ("stuffy nose", 2.5), ("sneezing", 2.0), ("sore throat", 2.0), ("sinus", 2.0), ("congested", 2.0),
        ("cough", 1.0), ("sniffles", 2.5), ("hoarse", 1.5), ("smell", 1.0), ("mild fever", 1.0), ("swallow pain", 1.5), ("phlegm nose", 1.5) ] },
    Entry { names: &["dengue", "dengue fever"], cues: &[
        ("high fever", 2.0), ("pain behind eyes", 3.0), ("joint pain", 1.5), ("muscle pain", 1.5), ("mosquito", 1.5), ("rash", 1.0),
        ("severe headache", 1.5), ("bleeding gums", 2.5), ("bone pain", 2.5), ("nausea", 0.5), ("bruises", 1.5), ("red spots", 1.0),
        ("chills", 0.5) ] },
    Entry { names: &["diabetes", "diabetes mellitus", "type 2 diabetes"], cues: &[
        ("thirsty", 3.0), ("frequent urination", 2.5), ("urinate night", 1.5), ("hungry", 2.0), ("blurry sight", 1.5), ("slow healing", 2.5),
        ("wounds heal", 2.5), ("weight loss", 1.5), ("lost weight", 1.5), ("tired", 1.0), ("sugar", 2.5), ("numb feet", 2.0), ("dry mouth", 1.5),
        ("tingling feet", 2.0), ("frequent infections", 1.5) ] },
    Entry { names: &["drug reaction", "adverse drug reaction", "drug side effect"], cues: &[
        ("new medicine", 3.0), ("new medication", 3.0), ("antibiotic", 2.5), ("medication", 2.0), ("tablets", 2.0), ("pills", 2.0), ("dose", 2.0),
        ("rash", 1.0), ("side effect", 3.0), ("hives", 1.5), ("prescribed", 2.5), ("swollen face", 1.5), ("itchy skin", 1.0), ("nausea", 0.5) ] },
    Entry { names: &["fungal infection", "ringworm", "mycosis"], cues: &[
        ("ring rash", 2.5), ("circular", 2.5), ("athlete foot", 3.0), ("itchy skin", 1.5), ("itchy rash", 1.5), ("groin", 2.0), ("between toes", 3.0),
        ("patches", 1.5), ("scaly", 1.5), ("discolored skin", 2.0), ("cracked toes", 1.5), ("nails thick", 1.5), ("moist", 1.5) ] },
    Entry { names: &["gastroesophageal reflux disease", "gerd", "acid reflux", "gastroesophageal reflux"], cues: &[
        ("heartburn", 3.0), ("acid reflux", 3.0), ("regurgitation", 2.5), ("sour taste", 3.0), ("burning chest", 2.5), ("lie down", 1.5),
        ("after eating", 1.0), ("acid throat", 2.5), ("swallow difficult", 1.5), ("belching", 2.0), ("burping", 2.0), ("chest pain", 1.0),
        ("spicy food", 1.0), ("bend over", 1.5) ] },
    Entry { names: &["hypertension", "high blood pressure"], cues: &[
        ("blood pressure", 3.0), ("headache", 1.0), ("dizzy", 1.5), ("chest pain", 1.5), ("nosebleed", 2.0), ("pounding", 1.5), ("blurry sight", 1.0),
        ("palpitations", 1.5), ("short breath", 1.0), ("ringing ears", 1.5), ("salt", 1.5), ("flushed", 1.0) ] },
    Entry { names: &["impetigo"], cues: &[
        ("sores", 1.0), ("honey crust", 3.0), ("yellow crust", 3.0), ("crusts", 2.0), ("sores mouth", 2.0), ("sores nose", 2.5), ("oozing", 2.0),
        ("blister burst", 2.0), ("red sores", 2.0), ("blister face", 1.5), ("contagious", 1.0), ("rash nose", 2.0), ("pus", 1.5), ("rash face", 1.5) ] },
    Entry { names: &["jaundice", "hepatitis"], cues: &[
        ("yellow skin", 3.0), ("yellow eyes", 3.0), ("yellow", 1.5), ("dark urine", 3.0), ("pale stool", 2.5), ("clay stool", 2.5), ("liver", 2.5),
        ("itchy skin", 1.0), ("stomach pain", 0.5), ("tired", 0.5), ("lost appetite", 1.0), ("weight loss", 0.5) ] },
    Entry { names: &["malaria"], cues: &[
        ("chills", 2.0), ("sweating", 2.0), ("high fever", 1.5), ("fever returns", 2.5), ("fever every days", 1.5), ("mosquito", 1.5), ("headache", 0.5),
        ("vomiting", 1.0), ("muscle pain", 1.0), ("tropics", 2.0), ("trip africa", 2.5), ("rigors", 2.5), ("nausea", 0.5) ] },
    Entry { names: &["migraine", "migraine headache"], cues: &[
        ("throbbing head", 3.0), ("one side head", 2.5), ("light sensitive", 2.5), ("bright light", 2.0), ("aura", 3.0), ("zigzag", 3.0),
        ("headache", 1.5), ("migraines", 3.0), ("headache nausea", 1.5), ("noise", 1.5), ("dark room", 2.5), ("sight", 1.0), ("pulsating", 2.0) ] },
    Entry { names: &["peptic ulcer disease", "peptic ulcer", "stomach ulcer", "ulcer"], cues: &[
        ("burning stomach", 3.0), ("stomach pain", 1.0), ("black stool", 3.0), ("tarry stool", 3.0), ("bloating", 1.5), ("gnawing", 2.5),
        ("empty stomach", 2.5), ("vomit blood", 2.5), ("painkillers", 1.0), ("ibuprofen", 1.5), ("hungry pain", 1.0), ("indigestion", 1.0),
        ("stomach eating", 1.5), ("gas", 1.0) ] },
    Entry { names: &["pneumonia"], cues: &[
        ("cough phlegm", 2.0), ("green phlegm", 2.5), ("rusty phlegm", 3.0), ("fever cough", 2.0), ("chest pain breath", 2.0), ("chills", 1.0),
        ("high fever", 1.0), ("short breath", 1.5), ("trouble breath", 1.0), ("rapid breath", 2.0), ("sharp chest", 1.5),
        ("lung", 2.0), ("sweating", 0.5) ] },
    Entry { names: &["psoriasis"], cues: &[
        ("silvery", 3.0), ("silver scales", 3.0), ("scaly patches", 2.5), ("plaques", 2.5), ("elbows", 2.0), ("scalp", 2.0), ("flaky", 1.5),
        ("peeling skin", 2.0), ("dry skin", 1.5), ("cracked skin", 1.5), ("nails pitted", 2.5), ("joint pain skin", 1.5), ("red patches", 1.5),
        ("thick skin", 2.0), ("knees patches", 2.0) ] },
    Entry { names: &["typhoid", "typhoid fever"], cues: &[
        ("constipation", 2.0), ("diarrhea", 2.0), ("stomach pain", 1.5), ("high fever", 1.5), ("rising fever", 2.5), ("fever weeks", 2.0),
        ("lost appetite", 1.0), ("headache", 0.5), ("weak", 0.5), ("rose spots", 3.0), ("dirty water", 2.0), ("street food", 2.0), ("vomiting", 1.0),
        ("chills", 0.5), ("coated tongue", 2.0) ] },
    Entry { names: &["urinary tract infection", "uti", "bladder infection", "cystitis"], cues: &[
        ("burning urination", 3.0), ("urination pain", 3.0), ("cloudy urine", 3.0), ("urine smell", 2.5), ("frequent urination", 2.0), ("urge urinate", 2.5),
        ("blood urine", 2.0), ("pelvic pain", 2.0), ("bladder", 2.5), ("lower stomach", 1.0), ("urine", 1.0), ("bathroom", 1.0) ] },
    Entry { names: &["varicose veins", "varicose vein"], cues: &[
        ("veins", 3.0), ("swollen veins", 3.0), ("leg heavy", 2.5), ("calf", 1.5), ("cramps legs", 2.0), ("swollen legs", 2.0), ("ankle swollen", 2.0),
        ("bulging", 2.5), ("twisted", 2.0), ("standing long", 2.0), ("blue purple", 1.5), ("legs pain", 1.5), ("legs tired", 1.0) ] },
];

/// The entry that a lower-case, normalised label names, if any.
pub(crate) fn index_of(label: &str) -> Option<usize> {
    ENTRIES.iter().position(|entry| entry.names.contains(&label))
}

/// The usual name of an entry.
pub(crate) fn name(entry: usize) -> &'static str {
    ENTRIES[entry].names[0]
}

/// Every entry's cues and clues, stemmed once.
pub(crate) fn cues() -> &'static [Vec<Cue>] {
    static CUES: OnceLock<Vec<Vec<Cue>>> = OnceLock::new();
    CUES.get_or_init(|| ENTRIES.iter().map(stemmed).collect())
}

fn stemmed(entry: &Entry) -> Vec<Cue> {
    let plain = entry.cues.iter().map(|cue| (cue, false));
    let subtle = clues::of(entry.names[0]).iter().map(|clue| (clue, true));
    let cue = |(&(words, weight), subtle): (&(&'static str, f32), bool)| {
        let stems = words.split(' ').filter(|word| !is_stop_word(word)).map(stem).collect();
        Cue { words, stems, weight, subtle }
    };
    plain.chain(subtle).map(cue).collect()
}

/// How alike two entries are, from 0 to 1: the cosine of their cues' words. It is what they are confused by.
pub(crate) fn likeness(a: usize, b: usize) -> f32 {
    static TABLE: OnceLock<Vec<Vec<f32>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let vectors: Vec<HashMap<&str, f32>> = cues().iter().map(|cues| word_weights(cues)).collect();
        vectors.iter().map(|a| vectors.iter().map(|b| cosine(a, b)).collect()).collect()
    })[a][b]
}

fn word_weights(cues: &'static [Cue]) -> HashMap<&'static str, f32> {
    let mut weights = HashMap::new();
    for cue in cues.iter().filter(|cue| !cue.subtle) {
        for stem in &cue.stems {
            *weights.entry(stem.as_str()).or_insert(0.0) += cue.weight / cue.stems.len() as f32;
        }
    }
    weights
}

fn cosine(a: &HashMap<&str, f32>, b: &HashMap<&str, f32>) -> f32 {
    // Sorted, because a sum of floats depends on its order and a hash map has none.
    let mut shared: Vec<f32> = a.iter().filter_map(|(word, x)| Some(x * b.get(word)?)).collect();
    shared.sort_by(f32::total_cmp);
    shared.iter().sum::<f32>() / (norm(a) * norm(b)).max(f32::EPSILON)
}

fn norm(weights: &HashMap<&str, f32>) -> f32 {
    let mut squares: Vec<f32> = weights.values().map(|x| x * x).collect();
    squares.sort_by(f32::total_cmp);
    squares.iter().sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lexicon_is_whole() {
        assert_eq!(ENTRIES.len(), 22);
        for entry in ENTRIES {
            assert!((8..=15).contains(&entry.cues.len()), "{} has {} cues", entry.names[0], entry.cues.len());
            assert!(!clues::of(entry.names[0]).is_empty(), "{} has no clues", entry.names[0]);
        }
        for cue in cues().iter().flatten() {
            assert!(!cue.stems.is_empty(), "{} is all stop words", cue.words);
        }
    }

    #[test]
    fn alike_diseases_are_closer() {
        let at = |name| index_of(name).unwrap();
        assert!(likeness(at("dengue"), at("malaria")) > likeness(at("dengue"), at("varicose veins")));
        assert!((likeness(at("allergy"), at("allergy")) - 1.0).abs() < 1e-5);
    }
}

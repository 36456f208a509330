//! Written by the simulated proposer for iteration 003.
//!
//! idea: retrieve:6
//! mechanisms: few-shot:2 retrieve:6
//! builds on: iteration 001

use std::collections::BTreeSet;

use mmh_sdk::prelude::*;

/// Worked examples from the training rows of confused labels: text and label.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "My eyes are itchy and watery and I keep sneezing. My nose runs clear like water, but I have no fever and no sore throat.",
        "allergy",
    ),
    (
        "My back, knees and wrists hurt as if the bones were broken. I've had a high fever for four days with chills and pain in the eyes.",
        "dengue",
    ),
    (
        "The soles of my feet are itchy and scaly, little cracks hurt between the toes, and one nail is discoloured and lifting.",
        "fungal infection",
    ),
    (
        "There's a cluster of blisters near my lip that leak yellow fluid. When the crust comes off, the skin underneath is red, shiny and moist.",
        "impetigo",
    ),
    (
        "Second pregnancy, seven months along, and I haven't picked up my treated net from the health post since the river rose. Bouts of cold shakes followed by heat have come on alternate evenings. They found me badly anaemic, and the finger-prick smear is being stained while I write this.",
        "malaria",
    ),
    (
        "Steroids for my skin and naproxen for my back, together, since July. I was warned to take the stomach-protecting capsule alongside and I didn't bother. A burning spot came on an inch above my belly button, worst when I'm empty, and yesterday's vomit had bits in it like used coffee grounds.",
        "peptic ulcer disease",
    ),
    (
        "I have thick red patches with silvery scales on my elbows and knees. They itch, and the skin flakes off when I scratch.",
        "psoriasis",
    ),
    (
        "My shoulder and elbow joints are sore and stiff, and now the knees have swollen as well. Moving them is painful and I've lost some range.",
        "arthritis",
    ),
    (
        "My nose is running, my throat is scratchy and I've got a mild cough. I feel a bit tired, but I can still go to work.",
        "common cold",
    ),
    (
        "Three weeks after starting new epilepsy tablets I've got a fever, a puffy face, swollen glands in the neck and a red rash over my whole body. I was perfectly fine before the first box. The pharmacist told me to come at once.",
        "drug reaction",
    ),
    (
        "The whites of my eyes have turned yellow and so has my skin. My urine is dark brown, my stools are pale, and I itch all over.",
        "jaundice",
    ),
    (
        "I wheeze and feel tight in the chest, mostly at night. I get short of breath and have a dry cough, but no fever.",
        "bronchial asthma",
    ),
    (
        "Twenty years as a bookkeeper, chin over ledgers, and now my neck is stiff every morning, crackles when I look over my shoulder, and sends a dull ache into the right arm. Two of my fingers tingle when I tip my head back.",
        "cervical spondylosis",
    ),
    (
        "It began with a mild fever and headache, and then an itchy rash came on my chest and back. Some spots are blisters and some are scabs already.",
        "chicken pox",
    ),
    (
        "I keep getting skin boils and thrush, and wounds take weeks to close. I'm thirsty, and I get up four times at night to pee.",
        "diabetes",
    ),
    (
        "I've got a lump feeling in my throat, a hoarse voice in the morning and a sour taste. My chest burns when I bend over.",
        "gastroesophageal reflux disease",
    ),
    (
        "I wake up with a dull headache at the back of my head, and by mid-morning it has usually gone. I also feel dizzy when I get up and my heart pounds. The cuff at the pharmacy showed 172 over 104.",
        "hypertension",
    ),
    (
        "It starts with a shimmering crescent in the corner of my sight, like heat above a road, which spreads for twenty minutes and then goes. I've about half an hour to get home from the workshop before the left side of my head starts hammering and I'm bringing up my lunch.",
        "migraine",
    ),
    (
        "I have a bad cough with thick green phlegm, a high fever and chills. It hurts on the right side of my chest when I breathe in.",
        "pneumonia",
    ),
    (
        "My head aches all over, my mouth is dry and my tongue is coated. For eight days I have had fever, belly cramps and hardly any bowel movement.",
        "typhoid",
    ),
    (
        "I drive a school bus and hold on from six till noon because there's nowhere to stop. This is the third spell since September: cloudy, smells like old fish, and I need to go again before I've done up my belt. My thirst is ordinary and a finger-prick for sugar was five.",
        "urinary tract infection",
    ),
    (
        "I bumped my shin and a swollen purple vessel bled a lot. I also have night cramps, itching over the blue bulges, and my mother had legs just like mine.",
        "varicose veins",
    ),
    (
        "My sister's new kitten is adorable, but twenty minutes on her sofa and my nose is streaming, the roof of my mouth tickles and my eyelids puff up. I drive home, shower, change clothes, and it all settles within the hour.",
        "allergy",
    ),
    (
        "Four days ago a 40 degree fever hit me out of nowhere, with pain behind the eyes whenever I look sideways and bones that feel broken. Today the fever has dropped, but I've a blotchy red rash and my gums bled when I brushed. The water tanks on our roof are full of larvae.",
        "dengue",
    ),
    (
        "I cycle to work and sit in damp shorts till noon. Now I've a reddish-brown half moon on the inside of each thigh, sharp at the outer edge, that itches with sweat. The steroid ointment from my mother's cupboard calmed it for a week, and then it doubled.",
        "fungal infection",
    ),
    (
        "I have red sores around my nose and mouth. They started as little blisters, burst quickly, and now they are covered with honey-coloured crusts.",
        "impetigo",
    ),
    (
        "When my elder son had these fits of shivering, our doctor gave a course that included fourteen days of primaquine, and he stayed well. I had only the three-day packet. Two months later, here I am, back under blankets every other afternoon.",
        "malaria",
    ),
    (
        "I've taken ibuprofen for my back for months, and now I have sharp pain below the breastbone, nausea, and black tarry stools.",
        "peptic ulcer disease",
    ),
    (
        "People on the bus move seats. My soles and palms are thick, fissured and scaly, with a sharp line where normal skin begins at the wrist. I handle no chemicals, patch tests were blank, scrapings found no growth, and I've also a crusty strip inside the ear canal that keeps coming back.",
        "psoriasis",
    ),
    (
        "Both wrists are warm, swollen and tender, and my knuckles hurt too. I feel tired all the time and the morning stiffness lasts over an hour.",
        "arthritis",
    ),
    (
        "Sneezing, a blocked nose, a bit of a cough and watery eyes since the day before yesterday. My two-year-old brought it home from nursery on Friday and is already better. I'm tired, but I can work.",
        "common cold",
    ),
    (
        "Soon after taking a new painkiller I had hives, swollen lips and itching. It went away when I stopped the tablets.",
        "drug reaction",
    ),
    (
        "Video calls make everyone look odd, but my daughter in Toronto insisted my eyes were the colour of weak mustard and made me hold the phone by the window. She's right. I've been off my food for a week, and what I pass is like cola however much water I drink.",
        "jaundice",
    ),
    (
        "Being around pets or strong perfume gives me a coughing fit, then wheezing, and then it feels like breathing through a straw.",
        "bronchial asthma",
    ),
    (
        "Reversing the van has become a circus, since my neck won't turn more than halfway and it grinds. The pain goes between my shoulder blades and down to the left thumb. I'm fifty-eight and have driven deliveries for most of that.",
        "cervical spondylosis",
    ),
    (
        "Bites, I was sure, since we'd stayed in an old hut. But bites don't come under swimming trunks and inside the cheek, nor with a fever of 38.5. Every day there's another dozen, and the earliest have already dropped their caps. My cousin's baby, whom I held two weeks ago, was covered in them too.",
        "chicken pox",
    ),
    (
        "Always thirsty, always hungry, always tired: that is my spring. My jeans slip off although I eat for two, and my sight goes blurred in the afternoon. My father injected himself before every meal.",
        "diabetes",
    ),
    (
        "Half an hour after dinner a burning climbs from my stomach to behind the breastbone, with a sour taste in the mouth. It's worst when I lie on the couch or tie my shoes. Antacid tablets help for an hour.",
        "gastroesophageal reflux disease",
    ),
    (
        "Ever since starting the combined pill I've had a tight-hat sort of headache, both sides, no nausea, lights don't bother me. The clinic won't renew my prescription now because of what the machine on my arm showed, and they want me back on Monday and again on Thursday.",
        "hypertension",
    ),
    (
        "With the menopause behind me I don't get the pain any more, only the lights. A little zigzag fortress grows outward in both eyes, even with them closed, and at twenty-five minutes it sails off the edge. I used to be laid flat for a day afterwards, in my thirties. The eye hospital found nothing.",
        "migraine",
    ),
    (
        "Mother is usually sharp as a tack, my daughter told the doctor, and I suppose she meant me. I'm eighty-four. I had no fever to speak of, I was merely muddled, off my toast and panting on the way to the lavatory, and the nurse heard crackles at the bottom of one lung.",
        "pneumonia",
    ),
    (
        "Our laboratory handles stool cultures, and I confess I ate my sandwich at the bench. Now I've had ten days of rising temperature, a foggy head and a bloated, doughy abdomen. I'm not vomiting, my joints are fine, and the colleague who shares my incubator has gone down with it as well.",
        "typhoid",
    ),
    (
        "I have pain low in my belly, above the pubic bone, and a constant urge to pass urine. This morning I saw some blood in it.",
        "urinary tract infection",
    ),
    (
        "They wanted to blame my back for the leg ache. Sitting at a desk with my feet on a box cures it, whereas bending and lifting cause me no bother. It's queueing that I dread, or ironing. On the inside of each calf the skin is knobbly, and the nurse's Doppler heard blood falling the wrong way.",
        "varicose veins",
    ),
];

/// How many of the nearest training rows are shown.
const NEAREST: usize = 6;

/// How many training rows are kept per label, so that the state stays small.
const PER_LABEL: usize = 100;

/// Room for a label and a few words around it.
const REPLY_TOKENS: u32 = 64;

struct Candidate;

/// The training rows, as `learn` has seen them.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    rows: Vec<Row>,
}

/// A training row. Its stems are sorted, in one text: thousands of small ones would take long to read.
#[derive(Serialize, Deserialize)]
struct Row {
    text: String,
    label: String,
    size: usize,
    stems: String,
}

impl Harness for Candidate {
    type State = Memory;

    fn learn(_: &Task, mut state: Memory, feedback: &[Feedback], _: &Model) -> Result<Memory> {
        for it in feedback {
            if state.rows.iter().filter(|row| row.label == it.gold).count() < PER_LABEL {
                let stems = stems(&it.input.text);
                let (size, stems) = (stems.len(), stems.join(" "));
                state.rows.push(Row { text: it.input.text.clone(), label: it.gold.clone(), size, stems });
            }
        }
        Ok(state)
    }

    fn predict(task: &Task, state: &Memory, input: &Input, model: &Model) -> Result<Answer> {
        let offered: Vec<&str> = task.labels.iter().map(String::as_str).collect();
        let examples = worked_examples(state, input);
        let request = Request::new(prompt(task, &offered, &examples, input)).max_tokens(REPLY_TOKENS);
        let reply = model.complete(&request)?;
        match read_label(task, &reply.text) {
            Some(label) => Ok(Answer::new(label)),
            None => bail!("the reply names no label: {}", reply.text),
        }
    }
}

/// The worked examples for an input: the fixed ones, then the nearest training rows.
fn worked_examples<'a>(state: &'a Memory, input: &Input) -> Vec<(&'a str, &'a str)> {
    let mut examples = nearest(state, input);
    let fixed = EXAMPLES.iter().filter(|row| !examples.contains(row));
    let mut all: Vec<(&str, &str)> = fixed.copied().collect();
    all.append(&mut examples);
    all
}

/// The prompt: what is asked, what may be answered, what helps, the text.
fn prompt(task: &Task, offered: &[&str], examples: &[(&str, &str)], input: &Input) -> String {
    let mut text = format!("{}\n\nLabels:\n", task.instructions);
    for label in offered {
        text += &format!("- {label}\n");
    }
    text += "\n";
    text += "Answer with exactly one of the labels above, and nothing else.\n\n";
    // A worked example of a label that is not offered would only mislead.
    for (example, label) in examples.iter().filter(|(_, label)| offered.contains(label)) {
        text += &format!("Text: {example}\nLabel: {label}\n\n");
    }
    text += &format!("Text: {input}\nLabel:");
    text
}

/// The label that a reply means.
fn read_label<'a>(task: &'a Task, reply: &str) -> Option<&'a str> {
    task.match_label(reply)
}

/// The training rows that share the most telling words with an input, the nearest last.
fn nearest<'a>(state: &'a Memory, input: &Input) -> Vec<(&'a str, &'a str)> {
    let asked = stems(&input.text);
    let shared: Vec<Vec<usize>> = state.rows.iter().map(|row| shared(&asked, &row.stems)).collect();
    // A word that stands in few rows tells more.
    let mut holders = vec![0; asked.len()];
    shared.iter().flatten().for_each(|&at| holders[at] += 1);
    let worth: Vec<f64> = holders.iter().map(|&n| (state.rows.len() as f64 / f64::from(n)).ln()).collect();
    // A long row shares words by chance.
    let score = |(stems, row): (&Vec<usize>, &'a Row)| {
        (stems.iter().map(|&at| worth[at]).sum::<f64>() / (row.size as f64).sqrt(), row)
    };
    let mut scored: Vec<(f64, &Row)> = shared.iter().zip(&state.rows).map(score).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.truncate(NEAREST);
    scored.iter().rev().map(|(_, row)| (row.text.as_str(), row.label.as_str())).collect()
}

/// Which of these stems a row has. Both are sorted, so that one pass is enough.
fn shared(asked: &[String], stems: &str) -> Vec<usize> {
    let mut own = stems.as_bytes().split(|byte| *byte == b' ').peekable();
    let mut found = Vec::new();
    for (at, stem) in asked.iter().enumerate() {
        while own.next_if(|it| *it < stem.as_bytes()).is_some() {}
        if own.next_if(|it| *it == stem.as_bytes()).is_some() {
            found.push(at);
        }
    }
    found
}

/// A text's words, each cut to its beginning so that `coughs` and `coughing` are one; sorted.
fn stems(text: &str) -> Vec<String> {
    let stems = labels::words(text).into_iter().map(|word| word.chars().take(5).collect());
    stems.collect::<BTreeSet<String>>().into_iter().collect()
}

mmh_sdk::export!(Candidate);

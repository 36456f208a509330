//! Clues that point at a disease once one thinks about them: triggers, timing, exposure, relief, history.
//!
//! The second half of `lexicon`, in the order of its entries: what a reader who answers at a glance hardly
//! notices. General medical knowledge, never derived from a data set.

/// Clues and how strongly they speak for a disease, from 1 to 3.
pub(super) type Clues = &'static [(&'static str, f32)];

/// The clues of the disease with this usual name.
pub(super) fn of(name: &str) -> Clues {
    CLUES.iter().find(|(known, _)| *known == name).map_or(&[], |(_, clues)| clues)
}

#[rustfmt::skip]
const CLUES: &[(&str, Clues)] = &[
    ("allergy", &[
        ("season", 1.5), ("grass", 2.0), ("mowing", 2.0), ("antihistamine", 3.0), ("pet", 1.5), ("fur", 2.0), ("hair cat", 2.0), ("mould", 1.5),
        ("shellfish", 2.5), ("nuts", 2.0), ("bee", 2.0), ("hay", 2.0), ("blossom", 2.5), ("birch", 2.5), ("itchy nose", 2.5), ("feather", 2.0),
        ("eczema", 1.5), ("tongue swollen", 2.0), ("lips", 1.5), ("strawberries", 1.5), ("perfume", 1.0), ("carpet", 1.5), ("dog", 1.0), ("sneeze", 1.0) ]),
    ("arthritis", &[
        ("jar", 2.0), ("button", 1.5), ("wrist", 1.5), ("cartilage", 2.5), ("kneel", 1.5), ("rheumatism", 3.0), ("thumb", 1.5), ("damp", 1.0),
        ("weather", 1.0), ("both hands", 1.5), ("knobbly", 2.0), ("deformed", 2.0), ("finger", 1.0), ("joint", 1.5), ("stairs", 1.5), ("knee swollen", 2.0),
        ("knitting", 1.5), ("loosen", 1.0), ("warm bath", 1.0), ("tap turn", 1.5), ("shoelace", 1.0), ("toe", 0.7) ]),
    ("bronchial asthma", &[
        ("puffer", 3.0), ("peak flow", 3.0), ("breath out", 2.0), ("whistle", 2.5), ("laugh", 1.5), ("winter air", 2.0), ("smoke", 1.0), ("flour", 1.5),
        ("fumes", 1.5), ("bleach", 1.5), ("tight band", 1.5), ("tight", 1.0), ("run", 0.7), ("sprint", 1.5), ("football", 1.0), ("hoover", 1.0),
        ("night cough", 1.5), ("gasp", 1.5), ("inhale", 1.5), ("breathless", 1.5), ("rattle", 0.7) ]),
    ("cervical spondylosis", &[
        ("computer", 1.5), ("desk", 1.5), ("screen", 1.0), ("pillow", 1.5), ("turn head", 2.5), ("nape", 2.5), ("collar", 2.0), ("electric shock", 2.0),
        ("clumsy", 2.0), ("shoulder", 1.0), ("shoulder blade", 2.0), ("reverse car", 2.0), ("reversing", 2.0), ("pins needles", 2.0), ("vertebrae", 2.5),
        ("ceiling", 1.5), ("tilt", 1.5), ("arm", 1.0), ("hand numb", 2.0), ("drop cup", 1.5), ("little finger", 1.5), ("skull", 1.5), ("neck", 1.5) ]),
    ("chicken pox", &[
        ("school", 1.0), ("nursery", 1.5), ("kindergarten", 1.5), ("crops", 2.0), ("stages", 2.0), ("scalp spots", 1.5), ("dew", 2.0), ("calamine", 2.5),
        ("vaccinated", 1.0), ("spots chest", 2.0), ("spots stomach", 2.0), ("spots trunk", 2.0), ("shingles", 2.5), ("mouth spots", 1.5), ("child", 0.5),
        ("oat bath", 1.5), ("pimples", 1.0), ("scratch", 0.7), ("new spots", 2.5), ("two weeks", 0.5), ("mittens", 1.5) ]),
    ("common cold", &[
        ("tissues", 2.0), ("handkerchief", 2.0), ("blow nose", 2.0), ("lozenges", 1.5), ("colleagues", 1.0), ("nasal", 1.5), ("ears blocked", 1.5),
        ("tickle throat", 1.5), ("throat", 0.7), ("nose", 1.0), ("honey lemon", 1.5), ("taste nothing", 1.0), ("mild", 1.0), ("sneeze", 1.0),
        ("tea", 0.7), ("drip", 1.0), ("thick green", 0.7), ("voice", 1.0), ("third day", 0.5), ("catch", 0.7) ]),
    ("dengue", &[
        ("rainy season", 1.5), ("monsoon", 1.0), ("breakbone", 3.0), ("eyes pain move", 2.5), ("behind eyes", 2.5), ("gums", 2.0), ("platelets", 3.0),
        ("standing water", 2.0), ("buckets", 1.0), ("tyres", 1.0), ("thailand", 1.5), ("bali", 1.5), ("island", 0.7), ("sudden fever", 2.0),
        ("bones", 2.0), ("tiny red", 1.5), ("bruise", 1.5), ("eyeballs", 2.0), ("bitten day", 1.5), ("fever gone rash", 2.0), ("sockets", 2.0) ]),
    ("diabetes", &[
        ("thirst", 2.0), ("litres", 2.0), ("water bottle", 1.5), ("sweet urine", 2.5), ("insulin", 3.0), ("glucose", 3.0), ("thrush", 1.5), ("foot wound", 2.5),
        ("ulcer foot", 2.0), ("belt", 1.5), ("trousers loose", 2.0), ("heal", 1.5), ("overweight", 1.0), ("soft drinks", 1.5), ("juice", 1.0), ("jug", 1.5),
        ("glasses", 0.7), ("feet numb", 2.0), ("soles", 1.5), ("drink", 1.0), ("hunger", 1.0), ("gestational", 2.0), ("night toilet", 1.0) ]),
    ("drug reaction", &[
        ("penicillin", 3.0), ("amoxicillin", 3.0), ("course", 1.5), ("capsules", 2.0), ("started taking", 2.0), ("stopped taking", 2.0), ("prescription", 2.5),
        ("pharmacist", 1.5), ("chemist", 1.0), ("new tablets", 2.5), ("epilepsy", 1.5), ("gout", 1.5), ("injection", 1.0), ("infusion", 1.5), ("leaflet", 2.5),
        ("second dose", 2.5), ("swallowed", 1.0), ("peeling lips", 1.5), ("painkiller", 1.0), ("syrup", 1.0), ("same tablet", 2.0), ("dentist", 1.0) ]),
    ("fungal infection", &[
        ("gym", 1.5), ("shower", 1.0), ("changing room", 2.0), ("jock", 2.5), ("thrush", 1.5), ("border", 1.5), ("edge", 1.0), ("ring", 1.5), ("toes", 2.0),
        ("toenail", 2.5), ("kitten", 2.0), ("boots", 1.5), ("humid", 1.5), ("fold", 2.0), ("breast", 1.5), ("pale patches", 2.0), ("bald patch", 2.0),
        ("wrestling", 2.0), ("antifungal", 3.0), ("socks", 1.0), ("armpit", 1.0), ("clear middle", 2.0), ("calf farm", 1.0), ("sweaty", 1.5) ]),
    ("gastroesophageal reflux disease", &[
        ("antacid", 2.0), ("prop bed", 2.0), ("coffee", 1.0), ("chocolate", 1.0), ("wine", 0.7), ("late dinner", 2.0), ("heavy meal", 1.5), ("bitter", 1.5),
        ("breastbone", 2.0), ("rises", 1.5), ("throat burn", 2.0), ("stoop", 2.0), ("tie shoes", 1.5), ("tomato", 1.5), ("flat", 1.5), ("lying", 1.5),
        ("acid", 2.0), ("sour", 2.0), ("teeth enamel", 1.5), ("hoarse morning", 1.5), ("supper", 1.5), ("burp", 1.5), ("tight waist", 1.5) ]),
    ("hypertension", &[
        ("cuff", 2.5), ("pressure", 1.5), ("reading", 1.0), ("morning headache", 2.0), ("stroke", 1.5), ("ears", 0.7), ("heartbeat", 1.0), ("checkup", 1.5),
        ("monitor", 1.5), ("kidney", 0.7), ("salty", 1.5), ("thumping", 1.5), ("optician", 1.5), ("machine", 1.0), ("nurse arm", 1.5), ("nose bled", 2.0),
        ("father died", 1.0), ("liquorice", 2.5), ("over hundred", 1.5), ("red face", 1.0), ("pill", 0.5), ("hum", 1.0) ]),
    ("impetigo", &[
        ("honey", 1.5), ("golden", 2.0), ("crusted", 2.5), ("weeping", 2.0), ("nostril", 2.0), ("towel", 1.5), ("daycare", 1.5), ("bite scratched", 2.0),
        ("stuck", 1.0), ("cornflakes", 2.5), ("sticky", 2.0), ("chin", 1.5), ("lip", 1.0), ("spread", 0.7), ("kids", 0.7), ("raw", 1.5), ("rugby", 1.0),
        ("glue", 1.5), ("syrupy", 2.0), ("scab", 1.0), ("infected", 0.7) ]),
    ("jaundice", &[
        ("whites eyes", 2.5), ("gallstone", 2.5), ("bile", 2.5), ("alcohol", 1.5), ("urine tea", 2.5), ("urine cola", 2.5), ("urine brown", 2.5),
        ("stool grey", 2.5), ("stool white", 2.5), ("hepatitis", 3.0), ("tattoo", 1.0), ("itch palms", 1.5), ("newborn", 1.5), ("tan", 0.7), ("greasy", 1.0),
        ("under ribs", 1.5), ("right ribs", 1.5), ("mirror", 0.7), ("pale", 0.7), ("tea", 0.7), ("putty", 2.5), ("drinking", 0.7), ("dark", 0.7) ]),
    ("malaria", &[
        ("net", 1.5), ("safari", 2.5), ("africa", 2.0), ("kenya", 2.0), ("ghana", 2.0), ("nigeria", 2.0), ("uganda", 2.0), ("congo", 2.0), ("third day", 2.0),
        ("alternate days", 2.5), ("48 hours", 2.5), ("clockwork", 2.0), ("prophylaxis", 3.0), ("teeth chatter", 2.5), ("drenched", 2.0), ("soaked", 2.0),
        ("shaking", 1.5), ("shake", 1.0), ("sheets", 1.0), ("spleen", 2.0), ("blankets", 1.5), ("fit cold", 1.5), ("attacks fever", 2.0), ("sweat", 1.0) ]),
    ("migraine", &[
        ("temple", 2.0), ("side head", 2.0), ("curtains", 2.0), ("flash", 1.5), ("shimmer", 2.5), ("menstrual", 1.5), ("period", 1.0), ("red wine", 1.5),
        ("vomit head", 1.5), ("dark", 1.0), ("triptan", 3.0), ("blind spot", 2.5), ("cheese", 1.5), ("weekend", 0.7), ("throb", 2.0), ("eye", 0.7),
        ("sounds", 1.5), ("smells", 1.0), ("lines", 1.0), ("sleep off", 1.0), ("head", 0.7), ("quiet", 1.5), ("hours head", 1.0) ]),
    ("peptic ulcer disease", &[
        ("aspirin", 2.0), ("milk", 1.5), ("eat better", 2.0), ("meals", 1.0), ("coffee grounds", 3.0), ("black", 1.0), ("tar", 2.5), ("pylori", 3.0),
        ("upper stomach", 1.5), ("biscuit", 1.5), ("food helps", 2.0), ("night stomach", 1.5), ("naproxen", 2.0), ("hunger", 1.0), ("gnaw", 2.0), ("stomach", 0.7),
        ("smoker", 0.7), ("navel", 1.5), ("antacid", 1.0), ("painkillers back", 1.5), ("crackers", 1.5), ("eases", 0.7) ]),
    ("pneumonia", &[
        ("stab", 1.5), ("side", 0.7), ("deep breath", 2.0), ("flu", 1.0), ("confused", 1.0), ("lips blue", 2.0), ("rust", 2.5), ("brown phlegm", 2.0),
        ("crackle", 2.5), ("ribs", 1.0), ("rigor", 1.0), ("breathless", 1.0), ("oxygen", 2.0), ("choked", 1.0), ("lung", 1.5),
        ("spit", 1.0), ("fever", 0.7), ("cough", 0.7), ("shaking chill", 1.5), ("hospital", 0.5), ("pant", 1.5) ]),
    ("psoriasis", &[
        ("elbow", 1.5), ("behind ears", 1.5), ("dandruff", 2.0), ("sunshine", 1.5), ("sun", 1.0), ("flakes", 2.0), ("pits", 1.5), ("coal tar", 2.5),
        ("steroid", 1.5), ("raised", 1.0), ("hairline", 2.0), ("shins", 1.0), ("scales", 2.0), ("plaque", 2.5), ("sore throat spots", 1.5), ("candle wax", 2.0),
        ("symmetrical", 1.5), ("mother skin", 1.0), ("nail", 1.0), ("scrape", 1.5), ("years", 0.5), ("pink", 1.0), ("white flakes", 2.0) ]),
    ("typhoid", &[
        ("tap water", 1.5), ("sewage", 2.0), ("canteen", 1.5), ("hostel", 1.0), ("salad", 1.0), ("ice", 0.7), ("fever evening", 1.5), ("climb", 1.5),
        ("second week", 2.0), ("pea soup", 2.5), ("drowsy", 1.0), ("dull", 1.0), ("india", 1.0), ("pakistan", 1.5), ("nepal", 1.5), ("pulse slow", 2.5),
        ("step", 1.0), ("higher", 1.5), ("each evening", 1.0), ("stall", 1.5), ("tongue", 1.5), ("bowels", 1.5), ("stomach fever", 2.0), ("weeks", 0.7), ("cook", 0.5) ]),
    ("urinary tract infection", &[
        ("sting", 1.5), ("drops", 2.0), ("honeymoon", 2.0), ("cranberry", 3.0), ("catheter", 2.5), ("flank", 2.0), ("pass water", 1.5), ("pink urine", 2.0),
        ("toilet", 1.0), ("loo", 1.5), ("dribble", 1.0), ("wee", 2.0), ("scald", 2.0), ("pubic", 2.0), ("cloudy", 2.0), ("sex", 1.5), ("kidney", 1.0),
        ("smell", 0.7), ("urgent", 1.5), ("minutes", 0.7), ("hold", 0.7), ("burn pass", 2.0) ]),
    ("varicose veins", &[
        ("stocking", 2.5), ("evening legs", 2.0), ("end day legs", 2.0), ("standing", 1.5), ("stand", 1.0), ("raise legs", 2.5), ("feet up", 2.0), ("leg", 1.0),
        ("ankle itch", 2.0), ("ropes", 2.0), ("knotted", 2.0), ("spider", 2.0), ("worm", 1.5), ("calves", 1.5), ("hairdresser", 1.5), ("waiter", 1.5),
        ("ankle", 1.0), ("shift", 0.7), ("heavy", 1.0), ("pregnancy", 1.5), ("cord", 1.5), ("blue", 1.0), ("shins", 0.7), ("sock", 0.7) ]),
];

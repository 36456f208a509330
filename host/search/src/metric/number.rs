//! Reads numbers as people write them, and compares them.

use mmh_record::metric::MetricSpec;

/// How numbers are read and compared.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    tolerance: f64,
    relative: f64,
    /// The longest first, so that `km` is not read as `k`.
    units: Vec<String>,
    percent: bool,
}

impl Numbers {
    pub(super) fn new(spec: &MetricSpec) -> Self {
        let mut units = spec.units.clone();
        units.sort_by_key(|unit| std::cmp::Reverse(unit.len()));
        Self { tolerance: spec.tolerance, relative: spec.relative, units, percent: spec.percent }
    }

    /// Whether both texts are numbers that are close enough.
    pub(super) fn same(&self, gold: &str, answer: &str) -> bool {
        self.read(gold).zip(self.read(answer)).is_some_and(|(gold, found)| self.are_close(gold, found))
    }

    pub(super) fn are_close(&self, gold: f64, found: f64) -> bool {
        (found - gold).abs() <= self.tolerance.max(self.relative * gold.abs())
    }

    /// The number that a text is: digits, perhaps in groups of three, with a sign, decimals and an exponent, and one of the
    /// units before or behind it. None where it is something else, such as a range, infinity, or too large.
    pub(super) fn read(&self, text: &str) -> Option<f64> {
        let text = self.without_units(text.trim());
        match text.strip_suffix('%').filter(|_| self.percent) {
            Some(text) => Some(plain(text.trim_end())? / 100.0),
            None => plain(text),
        }
    }

    fn without_units<'t>(&self, text: &'t str) -> &'t str {
        let behind = self.units.iter().find_map(|unit| text.strip_suffix(unit.as_str()));
        let text = behind.unwrap_or(text).trim_end();
        let before = self.units.iter().find_map(|unit| text.strip_prefix(unit.as_str()));
        before.unwrap_or(text).trim_start()
    }
}

/// A number without a unit.
fn plain(text: &str) -> Option<f64> {
    let text = text.replace('\u{2212}', "-");
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(&text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_is_sound =
        exponent.is_none_or(|exponent| are_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)));
    let has_decimals = decimals.is_empty() || are_digits(decimals);
    // `5.` and `.5` are numbers, `.` is none.
    let has_whole = is_grouped(whole) || (whole.is_empty() && are_digits(decimals) && mantissa.contains('.'));
    if !(has_whole && has_decimals && exponent_is_sound) {
        return None;
    }
    text.replace(',', "").parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Digits, or digits in groups of three with commas between.
fn is_grouped(text: &str) -> bool {
    let mut groups = text.split(',');
    let first = groups.next().unwrap_or_default();
    let digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = !text.contains(',') || first.len() <= 3;
    digits(first) && is_short && groups.all(|group| group.len() == 3 && digits(group))
}

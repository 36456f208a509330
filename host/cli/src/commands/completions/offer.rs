//! What can stand where the cursor is: read from the same description of the command line that parses it.

use clap::{Arg, Command};

use super::values;
use mmh_record::text;

/// One thing that can stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// A word, and what it is about.
    Word {
        /// The word.
        word: String,
        /// A line about it, which may be empty.
        about: String,
    },
    /// Any file, as the shell completes files.
    Files,
    /// Any folder.
    Folders,
}

impl Offer {
    pub fn word(word: impl Into<String>, about: impl AsRef<str>) -> Self {
        Self::Word { word: text::name(&word.into()), about: text::name(about.as_ref()) }
    }
}

/// What the words before the cursor mean.
struct Place<'a> {
    command: &'a Command,
    /// The option whose value comes now.
    option: Option<&'a Arg>,
    /// How many values without an option were given.
    positional: usize,
    /// Whether options have ended, with `--`.
    ended: bool,
}

/// What can stand in the place of the last word. With `is_split`, the shell splits `--option=value` into three words, as bash
/// does, and takes the value alone.
pub fn offers(root: &Command, words: &[String], is_split: bool) -> Vec<Offer> {
    let joined = if is_split { joined(words) } else { words.to_vec() };
    let Some((current, before)) = joined.split_last() else { return Vec::new() };
    let place = placed(root, before);
    let found = match (place.option, current.split_once('=')) {
        (Some(option), _) => values::of(option, current, before),
        (None, Some((name, value))) if current.starts_with("--") && !place.ended => {
            let option = long(place.command, name);
            let found = option.map(|it| values::of(it, value, before)).unwrap_or_default();
            return begun(found, value)
                .into_iter()
                .map(|it| if is_split { it } else { prefixed(it, name) })
                .collect();
        }
        (None, _) if current.starts_with('-') && !place.ended => options(place.command, before),
        (None, _) => bare(&place, current, before),
    };
    begun(found, current)
}

/// The words with `--option`, `=` and `value` put together again.
fn joined(words: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let is_value = at > 0 && words[at - 1] == "=" && joined.last().is_some_and(|it| it.ends_with('='));
        match joined.last_mut() {
            Some(last) if is_value || word == "=" && last.starts_with("--") => last.push_str(word),
            _ => joined.push(word.clone()),
        }
    }
    joined
}

fn placed<'a>(root: &'a Command, before: &[String]) -> Place<'a> {
    let mut place = Place { command: root, option: None, positional: 0, ended: false };
    for word in before {
        if place.option.take().is_some() {
            continue;
        }
        if place.ended {
            place.positional += 1;
        } else if word == "--" {
            place.ended = true;
        } else if word.starts_with("--") {
            place.option = long(place.command, word).filter(|it| it.get_action().takes_values());
        } else if word.starts_with('-') && word.len() > 1 {
            let short = word.chars().last();
            let option = place.command.get_arguments().find(|it| it.get_short() == short);
            place.option = option.filter(|it| it.get_action().takes_values());
        } else if let Some(command) = place.command.find_subcommand(word) {
            place = Place { command, option: None, positional: 0, ended: false };
        } else {
            place.positional += 1;
        }
    }
    place
}

/// The option of this name: `--name`. None for `--name=value`, which has its value already.
fn long<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|it| it.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long)))
}

/// The options of a command, without those that were given and can be given once.
fn options(command: &Command, before: &[String]) -> Vec<Offer> {
    let was_given = |long: &str| {
        before.iter().any(|word| word.split('=').next().and_then(|it| it.strip_prefix("--")) == Some(long))
    };
    let shown = command.get_arguments().filter(|it| !it.is_hide_set());
    let offered = shown.filter_map(|it| {
        let (long, many) = (it.get_long()?, matches!(it.get_action(), clap::ArgAction::Append));
        let about = it.get_help().map(ToString::to_string).unwrap_or_default();
        (many || !was_given(long)).then(|| Offer::word(format!("--{long}"), first_line(&about)))
    });
    let mut offered: Vec<Offer> = offered.collect();
    offered.dedup();
    offered
}

/// What can stand there without an option: a command, or a value.
fn bare(place: &Place<'_>, current: &str, before: &[String]) -> Vec<Offer> {
    let commands = place.command.get_subcommands().filter(|it| !it.is_hide_set());
    let named = commands.map(|it| {
        let about = it.get_about().map(ToString::to_string).unwrap_or_default();
        Offer::word(it.get_name(), first_line(&about))
    });
    let mut offered: Vec<Offer> =
        if place.ended || place.positional > 0 { Vec::new() } else { named.collect() };
    let positionals: Vec<&Arg> = place.command.get_positionals().filter(|it| !it.is_hide_set()).collect();
    let last = positionals.last().filter(|it| matches!(it.get_action(), clap::ArgAction::Append));
    if let Some(value) = positionals.get(place.positional).or(last) {
        offered.extend(values::of(value, current, before));
    }
    offered
}

/// Those that begin so.
fn begun(offers: Vec<Offer>, with: &str) -> Vec<Offer> {
    let begins = |offer: &Offer| match offer {
        Offer::Word { word, .. } => word.starts_with(with),
        Offer::Files | Offer::Folders => true,
    };
    offers.into_iter().filter(begins).collect()
}

fn prefixed(offer: Offer, name: &str) -> Offer {
    match offer {
        Offer::Word { word, about } => Offer::Word { word: format!("{name}={word}"), about },
        other => other,
    }
}

fn first_line(about: &str) -> String {
    text::fitted(about.lines().next().unwrap_or_default(), 80)
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    fn program() -> Command {
        let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        let sort = Arg::new("sort").long("sort").short('s').value_parser(["name", "score"]);
        let list = Command::new("list").arg(sort).arg(flag("json")).arg(Arg::new("dir").value_name("DIR"));
        let many = Arg::new("files").value_name("FILE").num_args(1..).action(ArgAction::Append);
        let secret = Arg::new("secret").long("secret").hide(true);
        let pack = Command::new("pack")
            .arg(many)
            .arg(secret)
            .arg(Arg::new("tag").long("tag").value_name("WORD").action(ArgAction::Append));
        let mut all = Command::new("p").arg(flag("quiet").global(true)).subcommand(list).subcommand(pack);
        all.build();
        all
    }

    #[test]
    fn what_can_stand_there_is_offered() {
        // the words, with the cursor in the last one, and what is offered
        let table: [(&[&str], &[&str]); 17] = [
            (&[""], &["list", "pack", "help"]),
            (&["li"], &["list"]),
            (&["--quiet", "pa"], &["pack"]),
            (&["list", "--s"], &["--sort"]),
            (&["list", "--sort", ""], &["name", "score"]),
            (&["list", "-s", "sc"], &["score"]),
            (&["list", "--sort=s"], &["--sort=score"]),
            (&["list", "--sort=name", "--s"], &[]),
            (&["list", "--sort", "name", "--"], &["--json", "--quiet", "--help"]),
            (&["list", "--", "--"], &[":folders"]),
            (&["list", "a", ""], &[]),
            (&["pack", "a", "b", ""], &[":files"]),
            (&["pack", "--tag", ""], &[]),
            (&["pack", "--tag", "x", "--tag"], &["--tag"]),
            (&["pack", "--sec"], &[]),
            (&["nothing", "--x", ""], &[]),
            (&["list", "--nothing=", ""], &[":folders"]),
        ];
        for (words, expected) in table {
            let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
            let found = offers(&program(), &words, false);
            let found: Vec<&str> = found.iter().map(shown).collect();
            assert_eq!(found, expected, "{words:?}");
        }
        // Bash splits words at `=`.
        let split = ["list", "--sort", "=", "sc"].map(str::to_owned);
        assert_eq!(offers(&program(), &split, true).iter().map(shown).collect::<Vec<_>>(), ["score"]);
        let empty = ["list", "--sort", "="].map(str::to_owned);
        assert_eq!(offers(&program(), &empty, true).len(), 2);
    }

    fn shown(offer: &Offer) -> &str {
        match offer {
            Offer::Word { word, .. } => word,
            Offer::Files => ":files",
            Offer::Folders => ":folders",
        }
    }
}

//! Puts HTML, terminal escapes and lines of megabytes wherever somebody may look: label, log, output, error.

use mmh_sdk::prelude::*;

const NASTY: &str = "<script>alert(1)</script>\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r";

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), input: &Input, model: &Model) -> Result<Answer> {
        let long = NASTY.repeat(200_000);
        let shorter = NASTY.repeat(20_000);
        info!("{shorter}");
        println!("{long}");
        model.ask(format!("{NASTY} {input}"))?;
        match input.text.len() % 3 {
            0 => {
                eprintln!("{long}");
                Ok(Answer::new(NASTY))
            }
            1 => Err(Error::new(shorter)),
            _ => panic!("{shorter}"),
        }
    }
}

mmh_sdk::export!(Guest);

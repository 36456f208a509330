//! Options that say how a search goes about it. A run that goes on keeps what it was begun with.

use clap::{Args, ValueEnum};

use crate::model_args::budget;
use mmh_record::format::{HeldOut, Learning, Protocol};

/// Train examples in each call of `learn` in the online protocol, unless another number is asked for.
const ONLINE_BATCH: u32 = 1;

#[derive(Args)]
pub struct ProtocolArgs {
    /// Candidates that each iteration proposes and evaluates at the same time
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = number())]
    candidates: u32,
    #[command(flatten)]
    learning: LearningArgs,
    /// Try candidates on so many validation examples first, and drop those that are clearly worse than the best
    #[arg(long, value_name = "N", value_parser = number())]
    screen: Option<u32>,
    /// Which harnesses get a held-out score, besides the baselines
    #[arg(long, value_enum, default_value_t = HeldOutArg::Best)]
    held_out: HeldOutArg,
    /// What each candidate may cost, its proposal included, in US dollars; then it ends, and the search goes on
    /// [default: what is left of --budget-usd]
    #[arg(long, value_name = "USD", value_parser = budget)]
    pub candidate_budget_usd: Option<f64>,
    /// Refuse candidates that ask no model
    #[arg(long)]
    require_model: bool,
}

/// How one harness is evaluated.
#[derive(Args)]
pub struct LearningArgs {
    /// How often each example is evaluated, each time with other random numbers and other samples
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = number())]
    trials: u32,
    /// When harnesses learn: from train before they predict, or from each batch of train after they have predicted it
    #[arg(long, value_enum, default_value_t = LearningArg::Offline)]
    protocol: LearningArg,
    /// How often harnesses are offered the train examples
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = number())]
    epochs: u32,
    /// Train examples in each call of learn [default: 1 with --protocol online, else 20 and then as many as all before]
    #[arg(long, value_name = "N", value_parser = number())]
    batch_size: Option<u32>,
}

impl LearningArgs {
    /// A plain search's protocol, with what these options say.
    pub fn protocol(&self) -> Protocol {
        let (learning, size) = match self.protocol {
            LearningArg::Offline => (Learning::Offline, None),
            LearningArg::Online => (Learning::Online, Some(ONLINE_BATCH)),
        };
        let (trials, epochs, batch_size) = (self.trials, self.epochs, self.batch_size.or(size));
        Protocol { trials, learning, epochs, batch_size, ..Protocol::default() }
    }
}

/// The options of [`LearningArgs`] that ask for a protocol, those that are the usual ones left out.
pub fn of_harness(protocol: &Protocol) -> Vec<(&'static str, String)> {
    let mut options = Vec::new();
    for (name, number) in [("--trials", protocol.trials), ("--epochs", protocol.epochs)] {
        if number > 1 {
            options.push((name, number.to_string()));
        }
    }
    if protocol.learning == Learning::Online {
        options.push(("--protocol", "online".to_owned()));
    }
    options.extend(protocol.batch_size.map(|size| ("--batch-size", size.to_string())));
    options
}

#[derive(Clone, Copy, ValueEnum)]
enum LearningArg {
    Offline,
    Online,
}

#[derive(Clone, Copy, ValueEnum)]
enum HeldOutArg {
    Best,
    Frontier,
    All,
}

fn number() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(Protocol::MOST))
}

impl ProtocolArgs {
    /// The protocol that these options ask for, with so many harnesses to start from.
    pub fn protocol(&self, baselines: u32) -> Protocol {
        Protocol {
            baselines,
            candidates: self.candidates,
            screen: self.screen,
            held_out: match self.held_out {
                HeldOutArg::Best => HeldOut::Best,
                HeldOutArg::Frontier => HeldOut::Frontier,
                HeldOutArg::All => HeldOut::All,
            },
            require_model: self.require_model,
            ..self.learning.protocol()
        }
    }
}

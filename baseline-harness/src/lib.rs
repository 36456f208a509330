//! The harnesses that ship with `mmh`, to start a search from. Each is one file, as every harness is, and shares nothing with
//! the others: a copy of it is where a harness of one's own can begin.
//!
//! The program embeds the files (`mmh_search::baselines`) and compiles them as it compiles candidates. This crate is here
//! for their tests.

mod few_shot_all;
mod few_shot_random;
mod nearest;
mod zero_shot;

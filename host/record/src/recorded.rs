//! Types that are read from the files of a run, each with a parser of its own.
//!
//! A generic function that parses is compiled again in each crate that calls it, with all of `serde` that its type needs.
//! The types here are large, and many crates read them: so each has one parser, which is compiled where the type is.

/// A type that is read from JSON. [`recorded!`](crate::recorded!) makes one of each type that can be deserialized.
pub trait Recorded: Sized {
    /// Parses one value.
    fn parse(json: &[u8]) -> serde_json::Result<Self>;
}

/// Makes types readable by [`RunReader`](crate::reader::RunReader) and [`Rows`](crate::reader::Rows): a type of one's own
/// may have some of the fields of a recorded one.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Answered {
///     example_id: String,
///     correct: bool,
/// }
///
/// mmh_record::recorded!(Answered);
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let run = mmh_record::reader::RunReader::open(std::path::Path::new("../../runs/example"))?;
/// let right = run.rows::<Answered>("iterations/000/eval_trace.jsonl")?.flatten().filter(|row| row.correct);
/// assert_eq!(right.map(|row| row.example_id).count(), 5);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! recorded {
    ($($type:ty),+ $(,)?) => {
        $(impl $crate::recorded::Recorded for $type {
            #[inline(never)]
            fn parse(json: &[u8]) -> ::serde_json::Result<Self> {
                ::serde_json::from_slice(json)
            }
        })+
    };
}

recorded!(serde_json::Value);

//! What a run came to, from its folder alone: statistics, the scoreboard's data, the page, the live view, the plot.

pub mod across;
pub mod compare;
pub mod flame;
pub mod frontier;
pub mod html;
pub mod lineage;
pub mod plot;
pub mod proposals;
pub mod statistics;
pub mod view;

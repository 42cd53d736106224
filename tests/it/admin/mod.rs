//! What administrators see and do: the same with a daemon that runs, and with the store that it leaves.

mod bed;
mod doctor;
mod fsck;
mod gc;
mod hostile_text;
mod snapshots;

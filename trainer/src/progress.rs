//! Progress on a terminal, plain lines otherwise; nothing with `--quiet`.

use indicatif::{ProgressBar, ProgressStyle};
use log::LevelFilter;
use std::io::IsTerminal;
use unstamp_shared::job::{Epoch, Event};

/// A bar for a transfer of `length` bytes.
pub fn bytes(name: &str, length: Option<u64>) -> ProgressBar {
    let bar = shown(length.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
    let style = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    bar.with_style(style_of(style)).with_message(name.to_string())
}

/// A bar for a number of equal steps.
pub fn counts(name: &str) -> ProgressBar {
    let style = "{prefix} [{bar:24}] {percent}% {eta} left";
    shown(ProgressBar::no_length()).with_style(style_of(style)).with_prefix(name.to_string())
}

/// The bar, or a hidden one with `--quiet`.
fn shown(bar: ProgressBar) -> ProgressBar {
    match log::max_level() >= LevelFilter::Info {
        true => bar,
        false => ProgressBar::hidden(),
    }
}

fn style_of(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// Progress of a job: images a second, time left, loss.
pub struct JobProgress {
    bar: ProgressBar,
    name: String,
    terminal: bool,
}

impl JobProgress {
    /// `done` and `total` in optimiser steps.
    pub fn new(name: &str, done: usize, total: usize) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new(total as u64) } else { ProgressBar::hidden() };
        let bar = shown(bar);
        let style = "{prefix} [{bar:24}] {percent}% {eta} left {msg}";
        let bar = bar.with_style(style_of(style)).with_prefix(name.to_string());
        bar.set_position(done as u64);
        bar.reset_eta();
        Self { bar, name: name.to_string(), terminal }
    }

    /// Shows an event; `speed` in images a second.
    pub fn show(&self, event: &Event, speed: f64) {
        match event {
            Event::Step { phase, epoch, loss, .. } => {
                self.bar.inc(1);
                self.bar.set_message(format!(
                    "{phase} epoch {} loss {loss:.3} {speed:.0} img/s",
                    epoch + 1
                ));
            }
            Event::Epoch(Epoch { phase, epoch, lr, losses, measured, rates }) => {
                let values = losses.iter().chain(measured);
                let values: Vec<_> = values.map(|(k, v)| format!("{k} {v:.4}")).collect();
                let percent = |name: &str, rate: f64| format!(" {name} {:.1}", 100.0 * rate);
                let reached = rates.map_or(String::new(), |r| {
                    percent("ACC", r.acc) + &r.asr.map_or(String::new(), |asr| percent("ASR", asr))
                });
                let line = format!(
                    "{}: {phase} epoch {} lr {lr:.4} {}{reached} {speed:.0} img/s",
                    self.name,
                    epoch + 1,
                    values.join(" ")
                );
                // With `--quiet` the bar is hidden, and then it prints no line either.
                if self.terminal { self.bar.println(line) } else { log::info!("{line}") }
            }
            Event::Phase { .. } => {}
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

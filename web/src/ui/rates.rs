//! The rates of a model as bars.

use crate::app::App;
use crate::app::evaluation::Progress;
use crate::text::{self, Word, percent};
use crate::words::Term;
use leptos::prelude::*;
use unstamp_shared::metrics::Rate;

/// A rate as a bar with its interval and, for ASR, the floor.
fn bar(app: App, word: Word, rate: Rate, floor: Option<Rate>) -> impl IntoView {
    let [low, high] = rate.ci95;
    let mark =
        floor.map(|floor| view! { <span class="floor" style:left=percent(floor.value)></span> });
    view! {
        <div class="rate" data-rate=text::acronym(word) data-k=rate.k data-n=rate.n>
            <Term app=app word=word />
            <span class="track">
                <span class="fill" style:width=percent(rate.value)></span>
                <span class="interval" style:left=percent(low) style:width=percent(high - low)></span>
                {mark}
            </span>
            <span class="number">{percent(rate.value)}</span>
            <span class="small">{text::rate_details(rate, floor)}</span>
        </div>
    }
}

/// The rates of a model: stored ones, or those of a running or finished evaluation.
pub fn rates(app: App, progress: Progress) -> impl IntoView {
    let Progress { seen, total, stored, report } = progress;
    let state = match (stored, seen < total) {
        (true, _) => view! { <p class="small">{text::STORED}</p> }.into_any(),
        (false, true) => view! { <progress max=total value=seen></progress> }.into_any(),
        (false, false) => ().into_any(),
    };
    view! {
        {bar(app, Word::Acc, report.acc, None)}
        {report.asr.map(|asr| bar(app, Word::Asr, asr, report.floor))}
        {report.ra.map(|ra| bar(app, Word::Ra, ra, None))}
        {state}
    }
}

//! The rates of a model as bars.

use crate::app::evaluation::Progress;
use crate::text::{self, percent};
use leptos::prelude::*;
use unstamp_shared::metrics::Rate;

/// A rate as a bar with its interval and, for ASR, the floor.
fn bar(name: &'static str, help: &'static str, rate: Rate, floor: Option<Rate>) -> impl IntoView {
    let [low, high] = rate.ci95;
    let mark = floor.map(|floor| {
        view! { <span class="floor" style:left=percent(floor.value) title=text::FLOOR_HELP></span> }
    });
    view! {
        <div class="rate" title=help data-rate=name data-k=rate.k data-n=rate.n>
            <span class="name">{name}</span>
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

/// The rates of a running or finished evaluation.
pub fn rates(progress: Progress) -> impl IntoView {
    let report = progress.report;
    let partial = (progress.seen < progress.total)
        .then(|| view! { <progress max=progress.total value=progress.seen></progress> });
    view! {
        {bar(text::ACC, text::ACC_HELP, report.acc, None)}
        {report.asr.map(|asr| bar(text::ASR, text::ASR_HELP, asr, report.floor))}
        {report.ra.map(|ra| bar(text::RA, text::RA_HELP, ra, None))}
        {partial}
    }
}

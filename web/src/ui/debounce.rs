//! Work that begins when nothing asked for it anew for a while.

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use std::time::Duration;

/// A timer that starts again with every call.
#[derive(Clone, Copy)]
pub struct Debounce {
    delay: Duration,
    waiting: StoredValue<Option<TimeoutHandle>>,
}

impl Debounce {
    /// A timer that waits this long.
    pub fn new(delay: Duration) -> Self {
        Self { delay, waiting: StoredValue::new(None) }
    }

    /// Does `work` after the delay, in the place of work that waits already.
    pub fn call(&self, work: impl FnOnce() + 'static) {
        self.cancel();
        self.waiting.set_value(set_timeout_with_handle(work, self.delay).ok());
    }

    /// Drops the work that waits.
    pub fn cancel(&self) {
        if let Some(Some(waiting)) = self.waiting.try_update_value(Option::take) {
            waiting.clear();
        }
    }
}

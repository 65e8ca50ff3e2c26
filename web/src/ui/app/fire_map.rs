//! Where does the trigger fire? The ASR of one model with the trigger at each place of a grid, over the first test
//! images.

use super::App;
use super::models::is_victim;
use crate::messages::Request;
use crate::state::State;
use leptos::prelude::*;
use serde::Serialize;
use unstamp_shared::datasets::signs;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::metrics::Report;

/// Places along each side of the grid.
pub const SIDE: usize = 8;

/// Test images for each place.
pub const IMAGES: usize = 64;

/// A finished or running map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FireMap {
    /// Id of the model.
    pub model: String,
    /// The column and the row of the trigger's corner, place by place.
    pub places: Vec<(usize, usize)>,
    /// The ASR at the places that are measured, in the same order.
    pub rates: Vec<f64>,
}

/// The map on the page.
#[derive(Clone, Copy)]
pub struct Fires {
    /// The map, if one was asked for with the current trigger and models.
    pub map: RwSignal<Option<FireMap>>,
    /// Number of the running request.
    request: StoredValue<Option<u32>>,
}

impl Fires {
    /// No map.
    pub fn new() -> Self {
        Self { map: RwSignal::new(None), request: StoredValue::new(None) }
    }

    /// Whether places are being measured.
    pub(super) fn is_running(&self) -> bool {
        self.request.with_value(Option::is_some)
    }

    /// Whether this is the running request.
    pub(super) fn is_request(&self, id: u32) -> bool {
        self.request.get_value() == Some(id)
    }

    /// Ends a running measurement. A finished map stays: moving the trigger does not change it.
    pub(super) fn stop(&self) {
        if self.is_running() {
            self.request.set_value(None);
            self.map.set(None);
        }
    }
}

/// The corners of a grid of places for a trigger of this width and height.
fn places(width: usize, height: usize) -> Vec<(usize, usize)> {
    let corner = |step: usize, size: usize| {
        let free = signs::SIZE.saturating_sub(size);
        (step * free + (SIDE - 1) / 2) / (SIDE - 1)
    };
    let row = |y: usize| (0..SIDE).map(move |x| (corner(x, width), corner(y, height)));
    (0..SIDE).flat_map(row).collect()
}

/// The trigger without its place.
pub fn without_place(state: &State) -> State {
    let mut state = State { stamped: true, image: 0, models: Vec::new(), ..state.clone() };
    state.forget_place();
    state
}

impl App {
    /// The model whose map is drawn: the first victim that the page shows.
    pub fn fire_model(&self) -> Option<ModelEntry> {
        self.chosen().into_iter().find(is_victim)
    }

    /// Measures the places one after another.
    pub fn measure_fires(self) {
        let area = self.state.with_untracked(State::area);
        let (Some(entry), Some(area)) = (self.fire_model(), area) else { return };
        let places = places(area.width, area.height);
        self.fires.map.set(Some(FireMap { model: entry.id, places, rates: Vec::new() }));
        self.measure_next();
    }

    /// Asks for the next place, or goes on with the rates of the rows.
    fn measure_next(self) {
        let map = self.fires.map.get_untracked();
        let next = map.and_then(|map| {
            let place = *map.places.get(map.rates.len())?;
            Some((map.model, place))
        });
        let (Some((model, (x, y))), Some(link)) = (next, self.link()) else {
            self.fires.request.set_value(None);
            return self.evaluate_soon();
        };
        let mut state = self.state.get_untracked();
        state.put_place(x, y);
        let id = link.id();
        self.fires.request.set_value(Some(id));
        let request =
            Request::Evaluate { id, models: vec![model], trigger: state.record(), images: IMAGES };
        link.send(self.engine(), &request, None);
    }

    /// Keeps the reply to a request of the map. Whether it was one.
    pub(super) fn receive_fires(self, id: u32, is_last: bool, report: &Report) -> bool {
        if !self.fires.is_request(id) {
            return false;
        }
        if is_last {
            let rate = report.asr.map_or(0.0, |asr| asr.value);
            self.fires.map.update(|map| {
                if let Some(map) = map {
                    map.rates.push(rate);
                }
            });
            self.measure_next();
        }
        true
    }

    /// Puts the trigger at a place of the map.
    pub fn take_place(self, (x, y): (usize, usize)) {
        self.state.update(|state| {
            state.put_place(x, y);
            state.stamped = true;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unstamp_shared::method::Value;

    #[test]
    fn places_reach_every_edge_of_the_image() {
        for (width, height) in [(3, 3), (1, 8), (32, 32)] {
            let all = places(width, height);
            assert_eq!(all.len(), SIDE * SIDE);
            assert_eq!(all[0], (0, 0));
            assert_eq!(all[all.len() - 1], (signs::SIZE - width, signs::SIZE - height));
            assert!(all.is_sorted_by_key(|(_, y)| *y));
        }
    }

    #[test]
    fn the_place_of_a_trigger_does_not_change_its_map() {
        let mut state = State { image: 3, ..State::default() };
        let before = without_place(&state);
        assert!(state.put("x", Value::Int(4)).is_ok());
        state.stamped = false;
        assert_eq!(without_place(&state), before);
        assert!(state.put("size", Value::Int(5)).is_ok());
        assert_ne!(without_place(&state), before);
    }
}

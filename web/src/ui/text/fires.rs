//! The map of the places where a trigger fires (`fires.rs`).

use super::percent;

/// Heading of the map.
pub const FIRES: &str = "Where does it fire?";
/// Button that measures the map.
pub const MEASURE_FIRES: &str = "measure it (about ten seconds)";

/// Explanation of the map.
pub fn fires_help(places: usize, images: usize) -> String {
    format!(
        "The first victim with the trigger at {places} places, over {images} test images each. The colour shows how often it says the attacker's class. A click puts the trigger there."
    )
}

/// The description of a place for screen readers.
pub fn place_label((x, y): (usize, usize), rate: Option<f64>) -> String {
    match rate {
        Some(rate) => format!("column {x}, row {y}: fires on {}", percent(rate)),
        None => format!("column {x}, row {y}: not measured yet"),
    }
}

/// How many places are measured.
pub fn fires(done: usize, total: usize) -> String {
    if done < total {
        return format!("{done} of {total} places measured");
    }
    format!("all {total} places measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_tells_its_rate() {
        assert_eq!(place_label((4, 8), Some(0.5)), "column 4, row 8: fires on 50.0%");
        assert_eq!(place_label((0, 1), None), "column 0, row 1: not measured yet");
        assert_eq!(
            [fires(3, 64), fires(64, 64)],
            ["3 of 64 places measured", "all 64 places measured"]
        );
    }
}

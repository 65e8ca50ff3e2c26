//! Painting changes just the pixels under the brush, and a saved trigger can be opened again.

use super::*;
use crate::png::read as read_png;
use unstamp_shared::attacks::ATTACKS;

const RED: [u8; 4] = [209, 29, 29, 255];

/// The key of the painted picture.
const KEY: &str = "picture";

fn at(x: i64, y: i64) -> Point {
    Point { x, y }
}

/// The choices of a visitor who has cleared the painted trigger.
fn cleared() -> State {
    let mut state = State { attack: "custom".to_string(), ..State::default() };
    assert!(keep(&mut state, KEY, &[]).is_ok());
    state
}

fn with(tool: Tool) -> Brush {
    Brush { tool, ..Brush::default() }
}

/// Columns and rows of the painted pixels.
fn painted(state: &State) -> Vec<(usize, usize)> {
    let rgba = canvas(state, KEY);
    let places = (0..SIDE * SIDE).filter(|index| rgba[*index] != [0; 4]);
    places.map(|index| (index % SIDE, index / SIDE)).collect()
}

/// A PNG of one colour.
fn png_of(side: usize, colour: ::png::ColorType, depth: ::png::BitDepth, bytes: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, side as u32, side as u32);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&vec![7; bytes]).expect("as many bytes as the header says");
    writer.finish().expect("written");
    file
}

#[test]
fn one_attack_is_painted() {
    let states = ATTACKS
        .iter()
        .map(|attack| State { attack: attack.method().id.to_string(), ..State::default() });
    let keys: Vec<_> = states.filter_map(|state| painted_parameter(&state)).collect();
    assert_eq!(keys, [KEY]);
}

#[test]
fn a_stroke_paints_the_pixels_between_its_ends() {
    let mut state = State { stamped: false, ..cleared() };
    assert!(stroke(&mut state, &with(Tool::Paint), at(9, 4), at(6, 4)).is_ok());
    assert_eq!(painted(&state), [(6, 4), (7, 4), (8, 4), (9, 4)]);
    assert_eq!(canvas(&state, KEY)[4 * SIDE + 6], RED);
    assert!(state.stamped, "a painted trigger is on the image");
    assert!(stroke(&mut state, &with(Tool::Rub), at(7, 4), at(8, 4)).is_ok());
    assert_eq!(painted(&state), [(6, 4), (9, 4)]);
}

#[test]
fn a_stroke_over_the_edge_paints_only_the_image() {
    let last = SIDE as i64 - 1;
    let mut state = cleared();
    assert!(stroke(&mut state, &with(Tool::Paint), at(last - 1, 0), at(last + 3, 0)).is_ok());
    assert!(stroke(&mut state, &with(Tool::Paint), at(0, -3), at(0, 1)).is_ok());
    assert_eq!(painted(&state), [(0, 0), (SIDE - 2, 0), (SIDE - 1, 0), (0, 1)]);
}

#[test]
fn a_trigger_that_hides_the_whole_image_is_refused() {
    let mut state = cleared();
    let before = state.clone();
    assert!(keep(&mut state, KEY, &[RED; SIDE * SIDE]).is_err());
    assert_eq!(state, before);
}

#[test]
fn other_attacks_are_not_painted() {
    let mut state = State { attack: "badnets".to_string(), ..State::default() };
    let before = state.clone();
    assert!(stroke(&mut state, &with(Tool::Paint), at(1, 1), at(5, 5)).is_ok());
    assert_eq!(state, before);
}

#[test]
fn the_colour_is_read_from_six_digits() {
    let brush = Brush { tool: Tool::Paint, colour: "#0a10ff".to_string(), opacity: 90 };
    assert_eq!(brush.pixel(), [10, 16, 255, 90]);
    assert_eq!(Brush { colour: "#0a".to_string(), ..brush }.pixel(), [10, 0, 0, 90]);
}

#[test]
fn a_saved_trigger_opens_as_it_was_painted() {
    let mut state = cleared();
    let half = Brush { opacity: 128, ..with(Tool::Paint) };
    assert!(stroke(&mut state, &half, at(3, 5), at(8, 9)).is_ok());
    let url = png_url(&state, KEY);
    let data = url.strip_prefix("data:image/png;base64,").expect("a data URL");
    let bytes = STANDARD.decode(data).expect("base64");
    assert_eq!(read_png(&bytes), Ok(canvas(&state, KEY)));
}

#[test]
fn a_png_of_any_colour_mode_and_depth_is_read() {
    use ::png::BitDepth::{Eight, Sixteen, Two};
    use ::png::ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
    let pixels = SIDE * SIDE;
    for (colour, depth, bytes, pixel) in [
        (Rgb, Eight, 3 * pixels, [7, 7, 7, 255]),
        (Rgba, Eight, 4 * pixels, [7, 7, 7, 7]),
        (Rgba, Sixteen, 8 * pixels, [7, 7, 7, 7]),
        (Grayscale, Eight, pixels, [7, 7, 7, 255]),
        (GrayscaleAlpha, Sixteen, 4 * pixels, [7, 7, 7, 7]),
    ] {
        let file = png_of(SIDE, colour, depth, bytes);
        assert_eq!(read_png(&file), Ok(vec![pixel; pixels]), "{colour:?} {depth:?}");
    }
    // The byte 7 holds the pixels 0, 0, 1 and 3 of four grey levels.
    let found = read_png(&png_of(SIDE, Grayscale, Two, pixels / 4)).expect("a PNG");
    let levels: Vec<u8> = found[..4].iter().map(|pixel| pixel[0]).collect();
    assert_eq!(levels, [0, 0, 85, 255]);
}

#[test]
fn a_file_that_cannot_be_the_trigger_is_refused_with_a_reason() {
    let small = png_of(8, ::png::ColorType::Rgba, ::png::BitDepth::Eight, 4 * 64);
    let cases = [
        (b"no picture".to_vec(), PngError::NoPng, "a.png is not a PNG."),
        (
            small,
            PngError::Size { width: 8, height: 8 },
            "a.png has 8x8 pixels; a trigger here has 32x32.",
        ),
    ];
    for (file, error, sentence) in cases {
        assert_eq!(read_png(&file), Err(error));
        assert_eq!(png_message("a.png", error), sentence);
    }
}

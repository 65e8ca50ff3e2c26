//! Pictures in rows, each row with a title, as one picture.

use font8x8::UnicodeFonts;
use unstamp_shared::image::Image;

/// Screen pixels for each pixel of a picture, across and down.
const ZOOM: usize = 3;
const GAP: usize = 8;
const TEXT: usize = 16;
const PAPER: [u8; 3] = [255, 255, 255];
const INK: [u8; 3] = [40, 40, 48];

/// A title and the pictures below it.
pub type Row = (String, Vec<Image>);

/// Writes a text in letters of 8x8 pixels, enlarged to twice their size.
fn write(grid: &mut Image, text: &str, left: usize, top: usize) {
    for (i, letter) in text.chars().enumerate() {
        let rows = font8x8::BASIC_FONTS.get(letter).unwrap_or_default();
        for (y, row) in (0..TEXT).map(|y| (y, rows[y / 2])) {
            for x in (0..TEXT).filter(|x| row >> (x / 2) & 1 == 1) {
                let x = left + TEXT * i + x;
                let y = top + y;
                if x < grid.width && y < grid.height {
                    grid.set(x, y, INK);
                }
            }
        }
    }
}

fn draw(grid: &mut Image, image: &Image, left: usize, top: usize) {
    for y in 0..image.height * ZOOM {
        for x in 0..image.width * ZOOM {
            grid.set(left + x, top + y, image.get(x / ZOOM, y / ZOOM));
        }
    }
}

/// All rows, one below the other. All pictures must have the same size.
pub fn captioned_rows(rows: &[Row]) -> Image {
    let first = rows.iter().flat_map(|(_, images)| images).next();
    let (side, tall) = first.map_or((0, 0), |image| (image.width * ZOOM, image.height * ZOOM));
    let most = rows.iter().map(|(_, images)| images.len()).max().unwrap_or(0);
    let longest = rows.iter().map(|(title, _)| title.chars().count()).max().unwrap_or(0);
    let line = TEXT + tall + 2 * GAP;
    let width = (GAP + most * (side + GAP)).max(longest * TEXT + 2 * GAP);
    let mut grid = Image::new(width, GAP + rows.len() * line);
    grid.pixels.as_chunks_mut().0.fill(PAPER);
    for (r, (title, images)) in rows.iter().enumerate() {
        let top = GAP + r * line;
        write(&mut grid, title, GAP, top);
        for (c, image) in images.iter().enumerate() {
            draw(&mut grid, image, GAP + c * (side + GAP), top + TEXT + GAP / 2);
        }
    }
    grid
}

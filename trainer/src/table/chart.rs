//! Rows of charts with one legend, as SVG.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// One chart: curves of a rate over an x value, or points of one rate over another. Rates are in
/// percent.
#[derive(Clone)]
pub struct Chart {
    /// Title of the chart; the name of a model.
    pub title: String,
    /// Label of the x axis.
    pub x: String,
    /// Label of the y axis: the rate.
    pub y: &'static str,
    /// The points `(x, y)` of every series, by the name of the series.
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
    /// Whether lines join the points of a series. Otherwise x is a rate too, from 0 to 100.
    pub joined: bool,
}

/// Colours of the series, from [Okabe and Ito](https://jfly.uni-koeln.de/color/): readers with colour
/// blindness can distinguish them.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Sizes in pixels of a chart, of the legend and of a line of the legend.
const WIDTH: u32 = 280;
const HEIGHT: u32 = 230;
const LEGEND: u32 = 200;
const LINE: i32 = 20;
const FONT: (&str, u32) = ("sans-serif", 13);

/// The colour of the series with this position among all names.
fn colour(place: usize) -> RGBColor {
    COLOURS[place % COLOURS.len()]
}

/// The mark of the series with this position among all names. The first seven are filled, the others
/// are hollow and larger after every seven.
fn mark<C>(place: usize, at: C) -> Circle<C, i32> {
    let colour = colour(place);
    let turn = (place / COLOURS.len()) as i32;
    let style = if turn > 0 { colour.stroke_width(1) } else { colour.filled() };
    Circle::new(at, 2 + turn.max(1), style)
}

/// The range of an axis in percent: the multiples of ten around `values`.
fn tens(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let least = values.clone().fold(100.0, f64::min);
    let most = values.fold(0.0, f64::max);
    let low = (least / 10.0).floor() * 10.0;
    low..((most / 10.0).ceil() * 10.0).max(low + 10.0)
}

impl Chart {
    /// The points of all series.
    fn points(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        self.curves.values().flatten().copied()
    }

    /// Whether the x axis is logarithmic: the largest x is at least 16 times the smallest.
    fn logarithmic(&self) -> bool {
        let least = self.points().map(|p| p.0).fold(f64::INFINITY, f64::min);
        let most = self.points().map(|p| p.0).fold(0.0, f64::max);
        self.joined && least > 0.0 && most / least >= 16.0
    }

    /// Draws the chart. `names` are the series of the whole figure, in the order of the legend.
    fn draw(&self, area: &DrawingArea<SVGBackend, Shift>, names: &BTreeSet<&str>) -> Result<()> {
        let log = self.logarithmic();
        let scaled = |x: f64| if log { x.log10() } else { x };
        let xs = self.points().map(|p| scaled(p.0));
        let (least, most) =
            xs.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        let margin = 0.04 * (most - least);
        let across = if self.joined { least - margin..most + margin } else { 0.0..100.0 };
        let mut chart = ChartBuilder::on(area)
            .caption(format!("{}: {}", self.title, self.y), FONT)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(36)
            .y_label_area_size(34)
            .build_cartesian_2d(across, tens(self.points().map(|p| p.1)))?;
        let label = |x: &f64| {
            let x = if log { 10f64.powf(*x) } else { *x };
            format!("{}", (x * 1e3).round() / 1e3)
        };
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .x_labels(if log { (most - least).ceil() as usize } else { 6 })
            .y_labels(6)
            .x_desc(&self.x)
            .x_label_formatter(&label)
            .y_label_formatter(&|y| format!("{y:.0}"))
            .label_style(("sans-serif", 11))
            .draw()?;
        for (place, name) in names.iter().enumerate() {
            let Some(points) = self.curves.get(*name) else { continue };
            let points: Vec<_> = points.iter().map(|(x, y)| (scaled(*x), *y)).collect();
            if self.joined {
                let line = LineSeries::new(points.clone(), colour(place).stroke_width(2));
                chart.draw_series(line)?;
            }
            chart.draw_series(points.into_iter().map(|at| mark(place, at)))?;
        }
        Ok(())
    }
}

/// Draws rows of charts as SVG. A series has the same mark in every chart.
///
/// # Errors
/// The drawing library fails.
pub fn draw(rows: &[Vec<Chart>]) -> Result<String> {
    let abreast = rows.iter().map(Vec::len).max().unwrap_or(0);
    let names: BTreeSet<&str> =
        rows.iter().flatten().flat_map(|c| c.curves.keys().map(String::as_str)).collect();
    let height = (rows.len() as u32 * HEIGHT).max((names.len() as i32 * LINE) as u32 + 60);
    let charts = abreast as u32 * WIDTH;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (charts + LEGEND, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let (left, legend) = root.split_horizontally(charts);
        let areas = left.split_evenly((rows.len(), abreast));
        for (row, areas) in rows.iter().zip(areas.chunks(abreast)) {
            for (chart, area) in row.iter().zip(areas) {
                chart.draw(area, &names)?;
            }
        }
        for (place, name) in names.iter().enumerate() {
            let y = 30 + place as i32 * LINE;
            legend.draw(&mark(place, (12, y)))?;
            legend.draw(&Text::new(name.to_string(), (24, y - 6), FONT))?;
        }
        root.present()?;
    }
    Ok(svg)
}

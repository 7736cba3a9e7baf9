//! The colours of the drawings: muted, so that they look well on light and on dark pages.

/// The colours of one hotel's drawings.
pub(super) struct Palette {
    pub(super) sky_high: &'static str,
    pub(super) sky_low: &'static str,
    pub(super) sun: &'static str,
    /// What is far, what is between, and what is near.
    pub(super) far: &'static str,
    pub(super) mid: &'static str,
    pub(super) near: &'static str,
    pub(super) wall: &'static str,
    pub(super) shade: &'static str,
    pub(super) roof: &'static str,
    /// Windows with a light in them, and those without.
    pub(super) glow: &'static str,
    pub(super) pane: &'static str,
    pub(super) accent: &'static str,
}

pub(super) static PALETTES: [Palette; 6] = [
    // Evening at the sea.
    Palette {
        sky_high: "#8fb7c4",
        sky_low: "#f4d9b8",
        sun: "#f6b978",
        far: "#86a5a8",
        mid: "#5f8a8b",
        near: "#3d6467",
        wall: "#f6ebdc",
        shade: "#e2cfb6",
        roof: "#b9654a",
        glow: "#ffd88a",
        pane: "#56727a",
        accent: "#c8553d",
    },
    // Morning in the vineyards.
    Palette {
        sky_high: "#c7d6c0",
        sky_low: "#f6eccb",
        sun: "#f3cf7a",
        far: "#a3b58f",
        mid: "#7c9668",
        near: "#51704d",
        wall: "#f2dfbf",
        shade: "#dcc299",
        roof: "#8f4f3a",
        glow: "#ffe0a0",
        pane: "#5c6b5a",
        accent: "#8c3f4d",
    },
    // Blue hour in a town.
    Palette {
        sky_high: "#2f3f63",
        sky_low: "#c79aa0",
        sun: "#f0d7b4",
        far: "#5d648c",
        mid: "#444d76",
        near: "#2b3357",
        wall: "#b9a9b4",
        shade: "#968a9f",
        roof: "#39406a",
        glow: "#ffcf7d",
        pane: "#4a5178",
        accent: "#d98a5f",
    },
    // Snow light.
    Palette {
        sky_high: "#a9c4dd",
        sky_low: "#eaf0f2",
        sun: "#fbf1da",
        far: "#93a9c0",
        mid: "#6f8aa6",
        near: "#3f5e74",
        wall: "#e9dccb",
        shade: "#cfbda6",
        roof: "#5b4a42",
        glow: "#ffd590",
        pane: "#50667a",
        accent: "#a33d3a",
    },
    // Summer in the south.
    Palette {
        sky_high: "#7fb6c9",
        sky_low: "#fbe7cf",
        sun: "#ffdf9e",
        far: "#c9a98d",
        mid: "#b5825f",
        near: "#6f6a45",
        wall: "#f7d3b4",
        shade: "#e3b18b",
        roof: "#a5533a",
        glow: "#ffe3a6",
        pane: "#5b7c86",
        accent: "#2f7d83",
    },
    // A forest after rain.
    Palette {
        sky_high: "#9fb8ad",
        sky_low: "#e8e6d0",
        sun: "#f2e3b3",
        far: "#7f9f93",
        mid: "#54796f",
        near: "#2f514c",
        wall: "#ece3d2",
        shade: "#d0c4ab",
        roof: "#44575b",
        glow: "#ffdb93",
        pane: "#4e6965",
        accent: "#b97a35",
    },
];

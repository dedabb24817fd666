import type { PictureName } from '../lib/pictures.ts';

/** A sort of thing the shop sells. Its name has a maker, a series, a kind, the noun, a size and one of each option. */
export type Assortment = {
  noun: string;
  kinds: string[];
  /** From the cheapest to the most expensive; none where size does not matter to the price. */
  sizes: string[];
  options: string[][];
  /** In whole units of the currency, both included. */
  price: { from: number; to: number };
  /** What a description may begin with; true of every kind and option. */
  leads: string[];
};

export type Department = {
  /** Also the name of its picture, and a tag. */
  name: PictureName;
  makers: string[];
  assortments: Assortment[];
  /** What a description may go on with; true of everything in the department. */
  details: string[];
};

const colours = ['Sage', 'Charcoal', 'Oat', 'Navy', 'Rust', 'Cream', 'Moss', 'Clay'];
const enamels = ['White', 'Midnight Blue', 'Forest Green', 'Mustard', 'Brick Red', 'Pale Grey'];
const clothingSizes = ['XS', 'S', 'M', 'L', 'XL', 'XXL'];
const deviceColours = ['Black', 'White', 'Graphite', 'Sand', 'Ocean Blue'];
const packColours = ['Slate', 'Olive', 'Burnt Orange', 'Deep Blue', 'Black'];
const coverColours = ['Black', 'Tan', 'Bottle Green', 'Burgundy', 'Ink Blue', 'Stone'];
const notebookSizes = ['A6', 'A5', 'B5', 'A4'];

export const series = [
  'Alba',
  'Bergen',
  'Calla',
  'Dune',
  'Elin',
  'Fjell',
  'Garda',
  'Harbour',
  'Isla',
  'Juno',
  'Kestrel',
  'Lark',
  'Mira',
  'Norde',
  'Orla',
  'Perla',
  'Quill',
  'Runa',
  'Sol',
  'Tarn',
  'Ula',
  'Vale',
  'Wren',
  'Yarrow',
];

const kitchen: Department = {
  name: 'kitchen',
  makers: ['Marlow & Finch', 'Hearthway', 'Oldham Forge', 'Casa Verano', 'Bramblecote', 'Nordlund', 'Tillery'],
  assortments: [
    {
      noun: "Chef's Knife",
      kinds: ['Carbon Steel', 'Stainless Steel', 'Damascus', 'Forged'],
      sizes: ['15 cm', '18 cm', '20 cm', '24 cm'],
      options: [],
      price: { from: 39, to: 189 },
      leads: [
        'A well-balanced knife that takes a keen edge and keeps it.',
        'An all-round blade for onions, herbs and everything between.',
      ],
    },
    {
      noun: 'Frying Pan',
      kinds: ['Cast Iron', 'Carbon Steel', 'Tri-Ply', 'Ceramic Coated'],
      sizes: ['20 cm', '24 cm', '28 cm', '32 cm'],
      options: [],
      price: { from: 29, to: 119 },
      leads: [
        'Heats evenly and browns beautifully, from eggs to steak.',
        'A pan for every day, on gas, electric and induction hobs alike.',
      ],
    },
    {
      noun: 'Casserole',
      kinds: ['Enamelled Cast Iron', 'Stoneware', 'Stainless Steel'],
      sizes: ['2 l', '3.5 l', '5 l', '7 l'],
      options: [enamels],
      price: { from: 49, to: 229 },
      leads: [
        'Goes from hob to oven to table, and keeps a stew warm for second helpings.',
        'A heavy lid keeps the moisture where it belongs.',
      ],
    },
    {
      noun: 'Mug',
      kinds: ['Enamel', 'Stoneware', 'Porcelain', 'Speckled'],
      sizes: ['250 ml', '350 ml', '450 ml'],
      options: [enamels],
      price: { from: 8, to: 26 },
      leads: [
        'A generous mug with a handle that fits the whole hand.',
        'The mug that is always first out of the cupboard.',
      ],
    },
    {
      noun: 'Chopping Board',
      kinds: ['Oak', 'Walnut', 'Beech', 'Acacia', 'Bamboo'],
      sizes: ['Small', 'Medium', 'Large'],
      options: [['Plain', 'Juice Groove', 'With Handle']],
      price: { from: 18, to: 89 },
      leads: [
        'Kind to knives and handsome enough to serve cheese on.',
        'Sturdy, heavy and finished with food-safe oil.',
      ],
    },
    {
      noun: 'Storage Jar',
      kinds: ['Glass', 'Stoneware', 'Clip-Top', 'Cork-Lidded'],
      sizes: ['Single', 'Set of 3', 'Set of 6'],
      options: [['0.5 l', '1 l', '1.5 l', '2 l']],
      price: { from: 7, to: 59 },
      leads: [
        'Keeps flour, rice and pasta dry and in plain sight.',
        'A tight seal and a wide mouth that takes a measuring cup.',
      ],
    },
    {
      noun: 'Pour-Over Coffee Maker',
      kinds: ['Glass', 'Ceramic', 'Copper'],
      sizes: ['2 Cups', '4 Cups', '6 Cups'],
      options: [],
      price: { from: 24, to: 79 },
      leads: ['Makes a clean, bright cup with nothing but hot water and patience.'],
    },
  ],
  details: [
    'Comes with a ten-year guarantee.',
    'Made in small batches, so no two are quite alike.',
    'Packed in recycled cardboard, without any plastic.',
    'Easy to clean, easy to keep.',
    'Designed to be used daily for decades.',
    'A wedding-list favourite.',
  ],
};

const home: Department = {
  name: 'home',
  makers: ['Lindqvist Home', 'Hollis & Rowe', 'Amberly', 'Weaverbird', 'Casa Lume', 'Fennimore', 'Stillwater'],
  assortments: [
    {
      noun: 'Duvet Cover',
      kinds: ['Linen', 'Cotton Percale', 'Cotton Sateen', 'Brushed Cotton'],
      sizes: ['Single', 'Double', 'King', 'Super King'],
      options: [colours],
      price: { from: 45, to: 189 },
      leads: [
        'Softer with every wash, cool in summer and warm in winter.',
        'Closes with coconut buttons and has ties inside to keep the duvet in its place.',
      ],
    },
    {
      noun: 'Throw',
      kinds: ['Lambswool', 'Merino', 'Recycled Wool', 'Waffle Cotton', 'Chunky Knit'],
      sizes: ['130 x 170 cm', '150 x 200 cm'],
      options: [colours],
      price: { from: 35, to: 149 },
      leads: ['For the end of the bed or the arm of the sofa.', 'Woven to be warm without being heavy.'],
    },
    {
      noun: 'Cushion',
      kinds: ['Velvet', 'Linen', 'Boucle', 'Corduroy', 'Embroidered'],
      sizes: [],
      options: [['40 x 40 cm', '50 x 50 cm', '40 x 60 cm'], colours],
      price: { from: 19, to: 69 },
      leads: ['Filled with recycled fibre that springs back.', 'A small change that makes an old sofa look new.'],
    },
    {
      noun: 'Table Lamp',
      kinds: ['Brass', 'Ceramic', 'Smoked Glass', 'Ash Wood', 'Terracotta'],
      sizes: ['28 cm', '36 cm', '45 cm'],
      options: [['White Shade', 'Linen Shade', 'Black Shade']],
      price: { from: 39, to: 179 },
      leads: [
        'Throws a soft, warm light over a bedside or a reading corner.',
        'With a fabric cable and a dimmer; takes an E27 bulb, which is not included.',
      ],
    },
    {
      noun: 'Bath Towel',
      kinds: ['Organic Cotton', 'Waffle', 'Turkish Cotton', 'Bamboo Blend'],
      sizes: ['50 x 100 cm', '70 x 140 cm', '100 x 150 cm'],
      options: [colours],
      price: { from: 14, to: 55 },
      leads: ['Thick, thirsty and quick to dry.', 'Has a loop for the hook, and stays soft without fabric softener.'],
    },
    {
      noun: 'Scented Candle',
      kinds: ['Cedar & Smoke', 'Fig Leaf', 'Sea Salt', 'Bergamot', 'Lavender', 'Tomato Vine'],
      sizes: ['90 g', '180 g', '300 g'],
      options: [],
      price: { from: 14, to: 48 },
      leads: ['Hand-poured soy wax with a cotton wick.', 'Fills a room gently and burns down evenly.'],
    },
    {
      noun: 'Vase',
      kinds: ['Stoneware', 'Recycled Glass', 'Fluted Glass', 'Terracotta'],
      sizes: ['Small', 'Medium', 'Tall'],
      options: [colours],
      price: { from: 16, to: 95 },
      leads: ['Looks complete even without flowers.', 'Sized for a supermarket bunch or a single branch.'],
    },
  ],
  details: [
    'Made in a family-run workshop in northern Portugal.',
    'Arrives gift-ready in a plain paper box.',
    'Looks even better by evening light.',
    'Matches the rest of the series.',
    'Free returns within 60 days.',
    'One of our best sellers since the shop opened.',
  ],
};

const outdoor: Department = {
  name: 'outdoor',
  makers: ['Ridgeline', 'Northcairn', 'Pike & Larch', 'Stormgale', 'Wayfell', 'Torrent Works', 'High Moor'],
  assortments: [
    {
      noun: 'Backpack',
      kinds: ['Day', 'Trekking', 'Roll-Top', 'Commuter'],
      sizes: ['18 l', '24 l', '32 l', '45 l', '60 l'],
      options: [packColours],
      price: { from: 49, to: 219 },
      leads: [
        'Carries close to the back, with a hip belt that takes the load off the shoulders.',
        'Everything has its pocket, and the ones you need are where your hands are.',
      ],
    },
    {
      noun: 'Tent',
      kinds: ['Ultralight', 'Tunnel', 'Geodesic', 'Family'],
      sizes: ['2 Person', '3 Person', '4 Person'],
      options: [['Olive', 'Sand', 'Burnt Orange']],
      price: { from: 149, to: 649 },
      leads: [
        'Up in five minutes, and dry inside when it is not outside.',
        'Stands firm in wind, with a porch that is big enough to cook in.',
      ],
    },
    {
      noun: 'Sleeping Bag',
      kinds: ['Down', 'Synthetic', 'Three-Season', 'Summer'],
      sizes: ['Regular', 'Long', 'Wide'],
      options: [packColours],
      price: { from: 69, to: 389 },
      leads: [
        'Warm where it matters and small enough for the bottom of a pack.',
        'The two-way zip lets your feet breathe.',
      ],
    },
    {
      noun: 'Water Bottle',
      kinds: ['Insulated', 'Stainless Steel', 'Wide-Mouth', 'Titanium'],
      sizes: ['500 ml', '750 ml', '1 l'],
      options: [packColours],
      price: { from: 17, to: 65 },
      leads: [
        'Does not leak, does not dent easily and does not taste of anything.',
        'Fits the cup holder of a bicycle or a car.',
      ],
    },
    {
      noun: 'Head Torch',
      kinds: ['Rechargeable', 'Trail', 'Compact'],
      sizes: ['200 lm', '400 lm', '600 lm'],
      options: [],
      price: { from: 22, to: 99 },
      leads: ['Bright enough to run by, with a red light that spares your tent mates.'],
    },
    {
      noun: 'Trekking Poles',
      kinds: ['Carbon', 'Aluminium', 'Folding'],
      sizes: [],
      options: [
        ['100-120 cm', '110-135 cm'],
        ['Cork Grip', 'Foam Grip'],
      ],
      price: { from: 39, to: 159 },
      leads: ['Spare your knees on the way down.', 'Lock quickly and stay locked, gloves or no gloves.'],
    },
    {
      noun: 'Camping Stove',
      kinds: ['Gas', 'Multi-Fuel', 'Folding', 'Wood-Burning'],
      sizes: ['Solo', 'Duo', 'Base Camp'],
      options: [],
      price: { from: 29, to: 169 },
      leads: ['Boils a litre before you have found the coffee.', 'Stands steady on uneven ground.'],
    },
  ],
  details: [
    'Tested for a season by mountain guides.',
    'We repair it for as long as you own it.',
    'In our top ten for three years running.',
    'Made from materials that are free of PFAS.',
    'Replacement parts are always in stock.',
    'Backed by a lifetime warranty.',
  ],
};

const clothing: Department = {
  name: 'clothing',
  makers: ['Aldersey', 'Tidewater', 'Common Thread', 'Maren Holt', 'Fairweather', 'Eastbrook', 'Loom & Line'],
  assortments: [
    {
      noun: 'Crew Neck Jumper',
      kinds: ['Merino', 'Lambswool', 'Cotton', 'Cashmere Blend', 'Cable Knit'],
      sizes: [],
      options: [clothingSizes, colours],
      price: { from: 55, to: 179 },
      leads: [
        'Fine enough for the office and warm enough for the walk there.',
        'Knitted in one piece, with no side seams to rub.',
      ],
    },
    {
      noun: 'T-Shirt',
      kinds: ['Organic Cotton', 'Heavyweight', 'Slub Cotton', 'Striped', 'Long-Sleeve'],
      sizes: [],
      options: [clothingSizes, colours],
      price: { from: 19, to: 49 },
      leads: ['The one you will want five of.', 'Keeps its shape and its colour, wash after wash.'],
    },
    {
      noun: 'Rain Jacket',
      kinds: ['Waxed', 'Three-Layer', 'Packable', 'Recycled'],
      sizes: [],
      options: [clothingSizes, ['Navy', 'Moss', 'Mustard', 'Black']],
      price: { from: 89, to: 329 },
      leads: [
        'Taped seams and a hood that turns with your head.',
        'Keeps the rain out for a whole wet day and still breathes.',
      ],
    },
    {
      noun: 'Overshirt',
      kinds: ['Corduroy', 'Brushed Twill', 'Denim', 'Wool Blend', 'Moleskin'],
      sizes: [],
      options: [clothingSizes, colours],
      price: { from: 65, to: 159 },
      leads: [
        'Too light for a coat and too warm for a shirt, which is most of the year.',
        'Two deep pockets and corozo buttons.',
      ],
    },
    {
      noun: 'Beanie',
      kinds: ['Ribbed', 'Merino', 'Fisherman', 'Recycled Wool'],
      sizes: [],
      options: [colours],
      price: { from: 15, to: 45 },
      leads: ['Sits snugly over the ears and does not itch.', 'Warm, stretchy and small enough for a pocket.'],
    },
    {
      noun: 'Socks',
      kinds: ['Merino', 'Cotton', 'Hiking', 'Bamboo', 'Boot'],
      sizes: ['1 Pair', '3 Pairs', '5 Pairs'],
      options: [['EU 36-38', 'EU 39-42', 'EU 43-46'], colours],
      price: { from: 9, to: 49 },
      leads: ['Cushioned at heel and toe, and they stay up.', 'Reinforced where socks give out first.'],
    },
    {
      noun: 'Chinos',
      kinds: ['Slim', 'Straight', 'Relaxed', 'Pleated'],
      sizes: [],
      options: [
        ['W28', 'W30', 'W32', 'W34', 'W36', 'W38'],
        ['L30', 'L32', 'L34'],
        ['Sand', 'Navy', 'Olive', 'Stone'],
      ],
      price: { from: 59, to: 119 },
      leads: ['Cotton twill with just enough stretch to cycle in.', 'A clean cut that goes with everything above it.'],
    },
  ],
  details: [
    'Made in Portugal.',
    'Gets better with age.',
    'Made to be mended, not replaced.',
    'Look after it and it will last for years.',
    'Exchanges are free for 60 days.',
    'Cut and sewn without waste.',
  ],
};

const electronics: Department = {
  name: 'electronics',
  makers: ['Voltera', 'Auralis', 'Kitewave', 'Pixelbrook', 'Monolite', 'Tonewell', 'Brightlane'],
  assortments: [
    {
      noun: 'Headphones',
      kinds: ['Wireless', 'Noise-Cancelling', 'Studio', 'On-Ear'],
      sizes: [],
      options: [deviceColours],
      price: { from: 59, to: 379 },
      leads: ['Thirty hours of music on one charge.', 'Clear voices, deep bass and ear pads that can be replaced.'],
    },
    {
      noun: 'Bluetooth Speaker',
      kinds: ['Portable', 'Waterproof', 'Bookshelf', 'Mini'],
      sizes: [],
      options: [deviceColours],
      price: { from: 35, to: 249 },
      leads: ['Fills a room or a garden and pairs in seconds.', 'Two of them make a stereo pair.'],
    },
    {
      noun: 'Keyboard',
      kinds: ['Mechanical', 'Low-Profile', 'Wireless', 'Compact'],
      sizes: [],
      options: [['ISO', 'ANSI'], ['Linear', 'Tactile', 'Quiet'], deviceColours],
      price: { from: 49, to: 219 },
      leads: [
        'Hot-swappable switches and keycaps whose letters do not wear off.',
        'Connects to three devices and switches with one key.',
      ],
    },
    {
      noun: 'USB-C Charger',
      kinds: ['Fast', 'Travel', 'Dual-Port', 'Desktop'],
      sizes: ['20 W', '45 W', '65 W', '100 W'],
      options: [['Black', 'White']],
      price: { from: 15, to: 89 },
      leads: ['Charges a laptop and a phone from one socket.', 'Small, cool and safe to leave plugged in.'],
    },
    {
      noun: 'Webcam',
      kinds: ['1080p', '2K', '4K', 'Wide-Angle'],
      sizes: [],
      options: [['Black', 'White', 'Graphite']],
      price: { from: 39, to: 199 },
      leads: ['Sharp even in evening light, with a shutter for when the meeting is over.'],
    },
    {
      noun: 'Desk Lamp',
      kinds: ['LED', 'Clamp-On', 'Dimmable', 'Architect'],
      sizes: [],
      options: [deviceColours],
      price: { from: 29, to: 159 },
      leads: ['Even, flicker-free light from warm to cool.', 'Turns, tilts and stays where you put it.'],
    },
    {
      noun: 'Power Bank',
      kinds: ['Slim', 'Rugged', 'Magnetic', 'Solar'],
      sizes: ['5 000 mAh', '10 000 mAh', '20 000 mAh'],
      options: [deviceColours],
      price: { from: 19, to: 99 },
      leads: ['A weekend of charge in a jacket pocket.', 'Shows in per cent how much is left.'],
    },
  ],
  details: [
    'Two-year warranty, and spare parts for seven.',
    'Delivered with everything you need to get going.',
    'No account and no app needed.',
    'Ships in packaging without plastic.',
    'Firmware updates are free.',
    'Rated among the best in its class by our customers.',
  ],
};

const pantry: Department = {
  name: 'pantry',
  makers: ['Orchard Row', 'Molino Vecchio', 'Saltmarsh', 'Copper Kettle', 'Green Ladle', 'Harvest & Co', 'Two Rivers'],
  assortments: [
    {
      noun: 'Coffee Beans',
      kinds: ['Espresso', 'Single Origin', 'Filter Roast', 'Decaf', 'House Blend'],
      sizes: ['250 g', '500 g', '1 kg'],
      options: [['Light Roast', 'Medium Roast', 'Dark Roast']],
      price: { from: 9, to: 39 },
      leads: ['Roasted to order every Tuesday.', 'Notes of cocoa, red berries and toasted almond.'],
    },
    {
      noun: 'Olive Oil',
      kinds: ['Extra Virgin', 'Early Harvest', 'Unfiltered', 'Lemon'],
      sizes: ['250 ml', '500 ml', '1 l', '3 l'],
      options: [],
      price: { from: 9, to: 59 },
      leads: [
        'Green, peppery and cold-pressed on the day of picking.',
        'For salads, bread and anything off the grill.',
      ],
    },
    {
      noun: 'Loose Leaf Tea',
      kinds: ['Earl Grey', 'Sencha', 'Darjeeling', 'Peppermint', 'Rooibos', 'Breakfast'],
      sizes: ['50 g', '100 g', '250 g'],
      options: [['Tin', 'Refill']],
      price: { from: 6, to: 29 },
      leads: ['Whole leaves that can be brewed twice.', 'A fragrant cup at any hour of the day.'],
    },
    {
      noun: 'Dark Chocolate',
      kinds: ['Sea Salt', 'Hazelnut', 'Orange', 'Single Estate', 'Ginger'],
      sizes: ['80 g', '5 x 80 g'],
      options: [['70 %', '78 %', '85 %']],
      price: { from: 4, to: 26 },
      leads: ['Stone-ground for three days until it melts like silk.', 'Snaps cleanly and lingers long.'],
    },
    {
      noun: 'Honey',
      kinds: ['Wildflower', 'Heather', 'Acacia', 'Chestnut', 'Lime Blossom'],
      sizes: ['250 g', '500 g', '1 kg'],
      options: [],
      price: { from: 6, to: 28 },
      leads: ['Raw and unblended, from hives that stay in one valley.', 'Spooned from the comb and never heated.'],
    },
    {
      noun: 'Pasta',
      kinds: ['Bronze-Cut', 'Wholewheat', 'Spelt', 'Egg'],
      sizes: ['500 g', '1 kg', '6 x 500 g'],
      options: [['Linguine', 'Rigatoni', 'Orecchiette', 'Fusilli', 'Tagliatelle']],
      price: { from: 3, to: 22 },
      leads: ['Dried slowly, so that it stays firm in the pot.', 'A rough surface that holds on to the sauce.'],
    },
    {
      noun: 'Granola',
      kinds: ['Maple Pecan', 'Almond', 'Cocoa', 'Apple & Cinnamon', 'Coconut'],
      sizes: ['350 g', '750 g', '1.5 kg'],
      options: [],
      price: { from: 5, to: 24 },
      leads: ['Baked in clusters with very little sugar.', 'Breakfast, or a handful at four in the afternoon.'],
    },
  ],
  details: [
    'Organic, and certified as such.',
    'Best kept in a cool, dark cupboard.',
    'Ships within one working day.',
    'Bought directly from small producers.',
    'Best before: at least six months from delivery.',
    'The pack is fully recyclable.',
  ],
};

const stationery: Department = {
  name: 'stationery',
  makers: ['Inkwell Lane', 'Paper Heron', 'Foliant', 'Margin & Co', 'Atelier Brede', 'Graphite House', 'Oakleaf Press'],
  assortments: [
    {
      noun: 'Notebook',
      kinds: ['Hardcover', 'Softcover', 'Linen-Bound', 'Spiral', 'Dotted', 'Ruled'],
      sizes: notebookSizes,
      options: [coverColours],
      price: { from: 6, to: 32 },
      leads: [
        'Lies flat and takes fountain pen ink without bleeding.',
        'Numbered pages, a ribbon and a pocket at the back.',
      ],
    },
    {
      noun: 'Fountain Pen',
      kinds: ['Brass', 'Resin', 'Aluminium', 'Piston'],
      sizes: [],
      options: [['Extra Fine', 'Fine', 'Medium', 'Broad'], coverColours],
      price: { from: 24, to: 189 },
      leads: [
        'A smooth nib that starts at once, even after a week.',
        'Balanced for long letters and short notes alike.',
      ],
    },
    {
      noun: 'Weekly Planner',
      kinds: ['Undated', 'Academic', 'Desk', 'Pocket'],
      sizes: notebookSizes,
      options: [coverColours],
      price: { from: 12, to: 39 },
      leads: ['A week on two pages, with room for what did not fit.', 'Plans the week at a glance.'],
    },
    {
      noun: 'Pencil Set',
      kinds: ['Graphite', 'Coloured', 'Watercolour', 'Sketching'],
      sizes: ['Set of 6', 'Set of 12', 'Set of 24', 'Set of 48'],
      options: [],
      price: { from: 9, to: 79 },
      leads: ['Rich pigments and leads that survive a fall.', 'In a tin that will outlast the pencils.'],
    },
    {
      noun: 'Desk Organiser',
      kinds: ['Oak', 'Walnut', 'Felt', 'Powder-Coated Steel'],
      sizes: ['Small', 'Medium', 'Large'],
      options: [],
      price: { from: 19, to: 95 },
      leads: ['A place for pens, cards and the cable that is always missing.'],
    },
    {
      noun: 'Greeting Cards',
      kinds: ['Letterpress', 'Botanical', 'Birthday', 'Thank You', 'Blank'],
      sizes: ['Single', 'Set of 5', 'Set of 10'],
      options: [['Kraft Envelope', 'White Envelope']],
      price: { from: 3, to: 24 },
      leads: ['Printed on heavy cotton paper, with plenty of room to write.', 'For saying it by hand.'],
    },
    {
      noun: 'Laptop Sleeve',
      kinds: ['Wool Felt', 'Leather', 'Canvas', 'Quilted'],
      sizes: ['13"', '14"', '16"'],
      options: [coverColours],
      price: { from: 29, to: 119 },
      leads: ['Slim protection with a pocket for the charger.', 'Slips into any bag and closes without a zip.'],
    },
  ],
  details: [
    'Made to be used up, worn in and kept.',
    'Made in Germany.',
    'A favourite of architects and list makers.',
    'Makes a good present.',
    'Wrapped in tissue paper, not in plastic.',
    'Designed in our own studio.',
  ],
};

export const departments = [kitchen, home, outdoor, clothing, electronics, pantry, stationery];

export const firstNames = [
  ...['Ada', 'Adam', 'Aisha', 'Amélie', 'Ana', 'Anders', 'Anika', 'Arjun', 'Beatriz', 'Ben', 'Camille', 'Carlos'],
  ...['Chidi', 'Chloe', 'Clara', 'Daniel', 'David', 'Elena', 'Elif', 'Emma', 'Farah', 'Felix', 'Freya', 'Gabriel'],
  ...['Grace', 'Hannah', 'Hiroshi', 'Hugo', 'Ingrid', 'Isabella', 'Ivan', 'James', 'Jan', 'Jasmine', 'Jonas', 'José'],
  ...['Julia', 'Kai', 'Katarina', 'Kenji', 'Kofi', 'Lara', 'Leila', 'Liam', 'Lucía', 'Luca', 'Maja', 'Marcus'],
  ...['Maria', 'Mateo', 'Mei', 'Mina', 'Mohammed', 'Nadia', 'Nils', 'Nina', 'Noah', 'Nora', 'Olga', 'Oliver'],
  ...['Omar', 'Oscar', 'Paula', 'Priya', 'Rahul', 'Rosa', 'Ruth', 'Samuel', 'Sara', 'Sofia', 'Tariq', 'Theo'],
  ...['Thomas', 'Valentina', 'Victor', 'Wei', 'Yara', 'Yuki', 'Yusuf', 'Zoë'],
];

export const lastNames = [
  ...['Abbott', 'Adeyemi', 'Almeida', 'Andersson', 'Bauer', 'Becker', 'Bennett', 'Bianchi', 'Brown', 'Carter'],
  ...['Chen', 'Clarke', 'Costa', 'Dubois', 'Edwards', 'Eriksson', 'Evans', 'Fernández', 'Ferrari', 'Fischer'],
  ...['Foster', 'García', 'Gupta', 'Haddad', 'Hansen', 'Harris', 'Hoffmann', 'Horvat', 'Hughes', 'Ibrahim'],
  ...['Ito', 'Jansen', 'Johansson', 'Jones', 'Kaya', 'Khan', 'Kim', 'Kowalski', 'Kumar', 'Larsen'],
  ...['Laurent', 'Lindqvist', 'López', 'Marino', 'Martin', 'Mensah', 'Meyer', 'Moreau', 'Morgan', 'Müller'],
  ...['Nakamura', 'Nguyen', 'Novak', 'Okafor', 'Olsen', 'Patel', 'Pereira', 'Petrov', 'Popescu', 'Reyes'],
  ...['Ricci', 'Rossi', 'Santos', 'Sato', 'Schneider', 'Sharma', 'Silva', 'Singh', 'Smith', 'Svensson'],
  ...['Tanaka', 'Taylor', 'Thompson', 'Torres', 'van Dijk', 'Walker', 'Weber', 'Wilson', 'Yilmaz', 'Zhang'],
];

export const mailDomains = ['example.com', 'example.org', 'example.net'];

/** Two digits complete these to numbers that are set aside for fiction, so that nobody's phone rings. */
export const phonePrefixes = ['+121255501', '+131255501', '+141555501', '+161755501', '+4477009000', '+4477009005'];

//! What invented values consist of.

pub(super) const TOP_DOMAINS: &[&str] = &["com", "net", "org", "info", "biz", "edu", "top"];

pub(super) const CENTURIES: &[&str] = &[
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV",
    "XVI", "XVII", "XVIII", "XIX", "XX", "XXI",
];

pub(super) const TIMEZONES: &[&str] = &[
    "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "America/Anchorage",
    "America/Argentina/Buenos_Aires", "America/Bogota", "America/Chicago", "America/Denver",
    "America/Halifax", "America/Lima", "America/Los_Angeles", "America/Mexico_City",
    "America/New_York", "America/Santiago", "America/Sao_Paulo", "America/St_Johns",
    "America/Toronto", "Asia/Almaty", "Asia/Bangkok", "Asia/Dhaka", "Asia/Dubai",
    "Asia/Hong_Kong", "Asia/Jakarta", "Asia/Jerusalem", "Asia/Karachi", "Asia/Kathmandu",
    "Asia/Kolkata", "Asia/Manila", "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore",
    "Asia/Tashkent", "Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Atlantic/Reykjavik",
    "Australia/Adelaide", "Australia/Brisbane", "Australia/Darwin", "Australia/Perth",
    "Australia/Sydney", "Europe/Amsterdam", "Europe/Athens", "Europe/Berlin", "Europe/Brussels",
    "Europe/Dublin", "Europe/Helsinki", "Europe/Istanbul", "Europe/Kyiv", "Europe/Lisbon",
    "Europe/London", "Europe/Madrid", "Europe/Oslo", "Europe/Paris", "Europe/Prague",
    "Europe/Rome", "Europe/Stockholm", "Europe/Vienna", "Europe/Warsaw", "Europe/Zurich",
    "Pacific/Auckland", "Pacific/Fiji", "Pacific/Honolulu", "Pacific/Tongatapu",
];

pub(super) const WORDS: &[&str] = &[
    "accusantium", "ad", "alias", "aliquam", "amet", "animi", "aperiam", "architecto", "aspernatur",
    "assumenda", "at", "atque", "aut", "autem", "beatae", "blanditiis", "commodi", "consectetur",
    "consequatur", "corporis", "cum", "cupiditate", "debitis", "delectus", "deserunt", "dicta",
    "dignissimos", "dolor", "dolorem", "doloribus", "dolorum", "ducimus", "ea", "eaque", "earum",
    "eligendi", "enim", "eos", "error", "esse", "est", "et", "eum", "eveniet", "ex",
    "exercitationem", "explicabo", "facere", "facilis", "fuga", "fugiat", "harum", "hic", "id",
    "illo", "illum", "impedit", "in", "incidunt", "inventore", "ipsa", "ipsum", "itaque", "iure",
    "iusto", "labore", "laboriosam", "laborum", "laudantium", "libero", "magnam", "magni", "maiores",
    "maxime", "minima", "minus", "modi", "molestias", "mollitia", "nam", "natus", "necessitatibus",
    "nemo", "neque", "nihil", "nisi", "nobis", "non", "nulla", "numquam", "obcaecati", "odio",
    "odit", "officia", "officiis", "omnis", "optio", "pariatur", "perferendis", "perspiciatis",
    "placeat", "porro", "possimus", "praesentium", "quae", "quaerat", "quas", "quasi", "qui", "quia",
    "quibusdam", "quidem", "quis", "quisquam", "quo", "quod", "quos", "ratione", "recusandae",
    "rem", "repellat", "rerum", "saepe", "sapiente", "sed", "sequi", "similique", "sint", "sit",
    "soluta", "sunt", "suscipit", "tempora", "tempore", "temporibus", "totam", "ullam", "unde",
    "ut", "vel", "velit", "veniam", "veritatis", "vero", "vitae", "voluptas", "voluptates",
    "voluptatum",
];

/// Names, lengths of numbers and what numbers begin with.
pub(super) const CARDS: &[(&str, usize, &[&str])] = &[
    ("VISA", 16, &["4539", "4556", "4916", "4532", "4929", "4485", "4716", "4"]),
    ("MasterCard", 16, &["51", "52", "53", "54", "55"]),
    ("American Express", 15, &["34", "37"]),
    ("Discover", 16, &["6011"]),
    ("JCB", 16, &["3528", "3538", "3548", "3558", "3568", "3578", "3588"]),
    ("Diners Club", 14, &["36", "38", "39"]),
];

pub(super) const CURRENCIES: &[&str] = &[
    "AED", "ARS", "AUD", "BDT", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK",
    "EGP", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES", "KRW", "KZT",
    "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN", "PHP", "PKR", "PLN", "RON", "RSD", "SAR",
    "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "UYU", "VND", "ZAR",
];

pub(super) const TITLES_MALE: &[&str] = &["Mr.", "Dr.", "Prof.", "Lord", "King", "Prince"];

pub(super) const TITLES_FEMALE: &[&str] =
    &["Mrs.", "Ms.", "Miss", "Dr.", "Prof.", "Lady", "Queen", "Princess"];

pub(super) const FIRST_NAMES_MALE: &[&str] = &[
    "Adam", "Alan", "Albert", "Andrew", "Anton", "Arthur", "Benjamin", "Boris", "Bruno", "Carl",
    "Charles", "Daniel", "David", "Edward", "Emil", "Eric", "Felix", "Francis", "Frank", "George",
    "Gustav", "Henry", "Hugo", "Ian", "Isaac", "Ivan", "Jack", "Jacob", "James", "John", "Joseph",
    "Julian", "Kevin", "Leo", "Leonard", "Louis", "Lucas", "Mark", "Martin", "Matthew", "Max",
    "Michael", "Nathan", "Nicholas", "Noah", "Oliver", "Oscar", "Owen", "Patrick", "Paul", "Peter",
    "Philip", "Ralph", "Richard", "Robert", "Roger", "Roman", "Samuel", "Sebastian", "Simon",
    "Stephen", "Theodore", "Thomas", "Victor", "Vincent", "Walter", "William", "Xavier",
];

pub(super) const FIRST_NAMES_FEMALE: &[&str] = &[
    "Ada", "Agnes", "Alice", "Amelia", "Anna", "Audrey", "Beatrice", "Bella", "Camille", "Carla",
    "Caroline", "Catherine", "Charlotte", "Clara", "Daisy", "Diana", "Dora", "Edith", "Eleanor",
    "Elizabeth", "Ella", "Emily", "Emma", "Erica", "Eva", "Florence", "Frances", "Freya", "Gloria",
    "Grace", "Hannah", "Helen", "Ida", "Irene", "Iris", "Jane", "Joan", "Josephine", "Julia",
    "Karen", "Laura", "Lena", "Lily", "Louise", "Lucy", "Margaret", "Maria", "Martha", "Mary",
    "Matilda", "Monica", "Nancy", "Nina", "Nora", "Olivia", "Paula", "Rachel", "Rebecca", "Rosa",
    "Ruth", "Sarah", "Sophia", "Stella", "Susan", "Sylvia", "Teresa", "Valerie", "Vera", "Victoria",
    "Violet", "Wendy", "Zoe",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Adams", "Allen", "Anderson", "Bailey", "Baker", "Barnes", "Becker", "Bell", "Bennett", "Berg",
    "Brown", "Butler", "Campbell", "Carter", "Clark", "Collins", "Cook", "Cooper", "Cox", "Davies",
    "Diaz", "Edwards", "Evans", "Fischer", "Fisher", "Foster", "Garcia", "Gray", "Green",
    "Hall", "Hansen", "Harris", "Hill", "Hoffmann", "Howard", "Hughes", "Jackson", "Jansen",
    "Johnson", "Jones", "Keller", "Kelly", "King", "Kowalski", "Larsen", "Lee", "Lewis", "Lopez",
    "Martin", "Meyer", "Miller", "Mitchell", "Moore", "Morgan", "Morris", "Murphy", "Nelson",
    "Nguyen", "Novak", "Olsen", "Parker", "Perez", "Peterson", "Phillips", "Price", "Reed",
    "Richardson", "Rivera", "Roberts", "Robinson", "Rogers", "Rossi", "Russell", "Sanchez",
    "Schmidt", "Scott", "Silva", "Smith", "Stewart", "Taylor", "Thomas", "Thompson", "Torres",
    "Turner", "Wagner", "Walker", "Ward", "Watson", "Weber", "White", "Williams", "Wilson", "Wood",
    "Wright", "Young",
];

pub(super) const CHINESE_FIRST_NAMES: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭",
    "何", "高", "林", "罗", "郑", "梁", "谢", "宋", "唐", "许", "邓", "韩", "冯", "曹",
];

pub(super) const CHINESE_LAST_NAMES: &[&str] = &[
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明",
    "超", "秀英", "霞", "平", "刚", "桂英", "建国", "晓明", "文静", "志强", "海燕", "小红", "玉兰",
];
